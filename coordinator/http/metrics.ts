/**
 * The port through which the coordinator tells what it does in numbers. Names and labels are those of the catalogue, checked
 * when this is compiled; values of labels are words, so that no participant can appear in one.
 */
import type { COUNTERS, GAUGES, HISTOGRAMS } from './metric-catalogue.ts'

type Catalogue = Readonly<Record<string, { readonly labels: readonly string[] }>>

/** The labels of one metric, all of them. */
export type LabelsOf<Metrics extends Catalogue, Name extends keyof Metrics> = Readonly<
  Record<Metrics[Name]['labels'][number], string>
>

export type CounterName = keyof typeof COUNTERS
export type GaugeName = keyof typeof GAUGES
export type HistogramName = keyof typeof HISTOGRAMS

export interface Metrics {
  /** Adds `by` (default 1), which is not negative. */
  count<Name extends CounterName>(name: Name, labels: LabelsOf<typeof COUNTERS, Name>, by?: number): void
  /** Puts a counter where its source has it: for those that the store keeps. */
  counted<Name extends CounterName>(name: Name, values: readonly Sample<LabelsOf<typeof COUNTERS, Name>>[]): void
  set<Name extends GaugeName>(name: Name, labels: LabelsOf<typeof GAUGES, Name>, value: number): void
  /** Adds to a gauge; negative to take away. */
  move<Name extends GaugeName>(name: Name, labels: LabelsOf<typeof GAUGES, Name>, by: number): void
  observe<Name extends HistogramName>(name: Name, labels: LabelsOf<typeof HISTOGRAMS, Name>, value: number): void
  /** Runs `look` before each time the metrics are read. What it throws is logged, and the rest is told. */
  onRead(look: () => Promise<void> | void): void
}

export interface Sample<Labels> {
  readonly labels: Labels
  readonly value: number
}

/** Told nobody: where no listener is configured, and in tests. */
export const NO_METRICS: Metrics = {
  count: () => {},
  counted: () => {},
  set: () => {},
  move: () => {},
  observe: () => {},
  onRead: () => {},
}
