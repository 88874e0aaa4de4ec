/** The metrics in Prometheus' text format, by prom-client, together with those of the process. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { COUNTERS, GAUGES, HISTOGRAMS, LABEL_VALUE } from './metric-catalogue.ts'
import type { Metrics } from './metrics.ts'

export interface ReadableMetrics extends Metrics {
  readonly contentType: string
  /** All metrics as they are now. Readers at the same time share one reading. */
  read(): Promise<string>
  /** Stops measuring the process. */
  close(): void
}

/** More combinations of labels than any metric has; whatever would be one more is told as `other`. */
const MAX_SERIES = 400

export function prometheusMetrics(onProblem: (error: unknown) => void): ReadableMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const counters = made(COUNTERS, (settings) => new Counter({ ...settings, registers: [registry] }))
  const gauges = made(GAUGES, (settings) => new Gauge({ ...settings, registers: [registry] }))
  const histograms = made(HISTOGRAMS, (settings, { buckets }) => {
    return new Histogram({ ...settings, buckets: [...buckets], registers: [registry] })
  })
  const words = boundedLabels()
  const looks: (() => Promise<void> | void)[] = []
  let reading: Promise<string> | null = null

  async function readOnce(): Promise<string> {
    for (const look of looks) {
      try {
        await look()
      } catch (error) {
        onProblem(error)
      }
    }
    return registry.metrics()
  }

  return {
    contentType: registry.contentType,
    count: (name, labels, by = 1) => counters[name].inc(words(name, labels), by),
    counted(name, samples) {
      counters[name].reset()
      for (const { labels, value } of samples) counters[name].inc(words(name, labels), value)
    },
    set: (name, labels, value) => gauges[name].set(words(name, labels), value),
    move: (name, labels, by) => gauges[name].inc(words(name, labels), by),
    observe: (name, labels, value) => histograms[name].observe(words(name, labels), value),
    onRead: (look) => void looks.push(look),
    read() {
      reading ??= readOnce().finally(() => {
        reading = null
      })
      return reading
    },
    close: () => registry.clear(),
  }
}

type Described = { readonly help: string; readonly labels: readonly string[] }
interface Settings {
  readonly name: string
  readonly help: string
  readonly labelNames: string[]
}

function made<Catalogue extends Readonly<Record<string, Described>>, Made>(
  catalogue: Catalogue,
  make: (settings: Settings, described: Catalogue[keyof Catalogue]) => Made,
): Record<keyof Catalogue, Made> {
  const entries = Object.entries(catalogue).map(([name, described]) => {
    const { help, labels } = described
    // Safety: the entries of the catalogue itself.
    return [name, make({ name, help, labelNames: [...labels] }, described as Catalogue[keyof Catalogue])]
  })
  return Object.fromEntries(entries) as Record<keyof Catalogue, Made>
}

/** Labels as they are told: nothing but words, and of one metric no more than {@link MAX_SERIES} combinations. */
function boundedLabels() {
  const seen = new Map<string, Set<string>>()
  return (name: string, labels: Readonly<Record<string, string>>): Record<string, string> => {
    const told = mapped(labels, (value) => (LABEL_VALUE.test(value) || value === '' ? value : OTHER))
    const known = seen.get(name) ?? new Set()
    seen.set(name, known)
    const key = Object.values(told).join('\n')
    if (known.has(key)) return told
    if (known.size >= MAX_SERIES) return mapped(told, () => OTHER)
    known.add(key)
    return told
  }
}

const OTHER = 'other'

function mapped(labels: Readonly<Record<string, string>>, change: (value: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([label, value]) => [label, change(value)]))
}
