/**
 * One simulation after the other, each with another value of one option. What cannot be simulated is a row with its reason, and
 * the sweep goes on.
 */
import { ConfigError } from '../shared/errors.ts'
import type { SimulationPlan } from './plan.ts'
import type { SimulationReport } from './report.ts'
import type { Progress } from './round.ts'
import { simulate } from './simulate.ts'
import type { Sweepable } from './sweep-spec.ts'

/** The values with the plan of each. */
export interface Sweep {
  readonly option: Sweepable
  readonly steps: readonly { readonly value: number; readonly plan: SimulationPlan }[]
}

export type SweepRow = RanRow | FailedRow

/** The report of the simulation with this value. */
export type RanRow = SimulationReport & { readonly value: number }

/** There is no report: the value is impossible (`simulation_impossible`), or the simulation ended early. */
export interface FailedRow {
  readonly value: number
  readonly ok: false
  readonly exact: false
  readonly error: string
  readonly problems: readonly string[]
}

export interface SweepEvents {
  readonly onProgress: (value: number, progress: Progress) => void
  /** After each value, with the row that came last and all so far. What it throws ends the sweep. */
  readonly onRow: (row: SweepRow, rows: readonly SweepRow[]) => void
}

/** Runs it; gives a row per value. */
export async function runSweep({ steps }: Sweep, { onProgress, onRow }: SweepEvents): Promise<readonly SweepRow[]> {
  const rows: SweepRow[] = []
  for (const { value, plan } of steps) {
    const row = await sweepRow(value, () => simulate(plan, (progress) => onProgress(value, progress)))
    rows.push(row)
    onRow(row, rows)
  }
  return rows
}

async function sweepRow(value: number, run: () => Promise<SimulationReport>): Promise<SweepRow> {
  try {
    return { value, ...(await run()) }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { value, ok: false, exact: false, error: error.code, problems: error.problems }
  }
}

export function hasRun(row: SweepRow): row is RanRow {
  return !('error' in row)
}

/** Whether every possible value gave exact sums, and at least one was possible. */
export function isSweepExact(rows: readonly SweepRow[]): boolean {
  const possible = rows.filter((row) => hasRun(row) || row.error !== 'simulation_impossible')
  return possible.length > 0 && possible.every(({ exact }) => exact)
}
