/** The documented metrics are those that are told, with their types and labels. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { COUNTERS, GAUGES, HISTOGRAMS, PROCESS_METRIC_PREFIXES } from '../../../coordinator/http/metric-catalogue.ts'
import { prometheusMetrics } from '../../../coordinator/http/prometheus.ts'

const document = readFileSync(join(import.meta.dirname, '../../../docs/metrics.md'), 'utf8')

const described = (type: string, catalogue: Readonly<Record<string, { readonly labels: readonly string[] }>>) =>
  Object.entries(catalogue).map(([name, { labels }]) => ({ name, type, labels: [...labels] }))

test('docs/metrics.md lists every metric with its type and labels, and no other', () => {
  const rows = [...document.matchAll(/^\| `(blindsum_\w+)` \| (\w+) \| ([^|]+) \| .+ \|$/gm)].map(
    ([, name, type, labels = '']) => ({
      name,
      type,
      labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label),
    }),
  )
  const byName = (a: { name?: string | undefined }, b: { name?: string | undefined }) =>
    String(a.name).localeCompare(String(b.name))
  const known = [
    ...described('counter', COUNTERS),
    ...described('gauge', GAUGES),
    ...described('histogram', HISTOGRAMS),
  ]
  expect(rows.sort(byName)).toEqual(known.sort(byName))
})

test('what is told are the metrics of the catalogue and those of the process', async () => {
  const metrics = prometheusMetrics((error) => expect.unreachable(String(error)))
  const names = [...(await metrics.read()).matchAll(/^# TYPE (\w+) /gm)].map(([, name = '']) => name)
  metrics.close()
  const own = names.filter((name) => !PROCESS_METRIC_PREFIXES.some((prefix) => name.startsWith(prefix)))
  expect(own.sort()).toEqual(Object.keys({ ...COUNTERS, ...GAUGES, ...HISTOGRAMS }).sort())
  expect(names.length).toBeGreaterThan(own.length)
  expect(names).toContain('nodejs_eventloop_lag_p99_seconds')
})

test('a value that is no word is told as other, and so is one combination too many', async () => {
  const metrics = prometheusMetrics((error) => expect.unreachable(String(error)))
  for (const code of ['spiffe://lab.example/site/north', '10.0.0.7:443', 'two words', 'x'.repeat(65)]) {
    metrics.count('blindsum_mask_fallbacks_total', { code })
  }
  for (let place = 0; place < 1000; place++) {
    metrics.count('blindsum_connections_refused_total', { listener: 'http', code: `code_${place}` })
  }
  const text = await metrics.read()
  metrics.close()
  expect(text).toContain('blindsum_mask_fallbacks_total{code="other"} 4')
  expect(text.match(/^blindsum_connections_refused_total\{/gm)?.length).toBe(401)
  expect(text).toContain('blindsum_connections_refused_total{listener="other",code="other"} 600')
})

test('a look that fails is told to the log, and the rest is read', async () => {
  const problems: unknown[] = []
  const metrics = prometheusMetrics((error) => problems.push(error))
  metrics.onRead(() => Promise.reject(new Error('no store')))
  metrics.onRead(() => metrics.set('blindsum_ready', {}, 1))
  expect(await metrics.read()).toMatch(/^blindsum_ready 1$/m)
  metrics.close()
  expect(problems).toEqual([expect.objectContaining({ message: 'no store' })])
})
