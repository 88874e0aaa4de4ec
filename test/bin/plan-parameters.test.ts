/** `blindsum plan parameters`: figures for people and scripts, bounds that broke, and options refused. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parameterGrid, parameterRows, parameterText, rosterSizes } from '../../bin/parameter-table.ts'
import { sessionCosts } from '../../bin/session-costs.ts'
import { sharingParameters } from '../../shared/protocol/threshold.ts'
import { runInProcess } from './run-commands.ts'

const vector = { lanes: 100_000, modulusBits: 24 }

test('prints k, t, c, q and costs for the sizes a roster may have', async () => {
  const { code, stdout } = await runInProcess('plan parameters', [
    '--enrolled',
    '200',
    '--gamma',
    '0.1',
    '--delta',
    '0.1',
  ])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^200 enrolled, C = 20 may collude, malicious coordinator/)
  expect(stdout).toMatch(/\n *200 +sparse +70 +47 +20 +111 +20 /)
  expect(stdout).toMatch(/^n = 3, 5, 10, 20, 50: no parameters \(colluders\): 20 possible colluders among 50 /m)
})

test('prints one JSON object, and fails when all enrolled together have no parameters', async () => {
  const args = ['--enrolled', '5000', '--gamma', '0.2', '--delta', '0.33', '--json']
  const { code, stdout } = await runInProcess('plan parameters', args)
  expect(code).toBe(1)
  const { ok, rows } = JSON.parse(stdout)
  expect(ok).toBe(false)
  expect(rows.at(-1)).toMatchObject({ participants: 5000, found: { ok: false, broken: { bound: 'correctness' } } })
})

test('sizes with fewer presumed honest sites than the minimum cohort have no parameters', async () => {
  const args = ['--enrolled', '300', '--minimum-cohort']
  const none = await runInProcess('plan parameters', [...args, '400'])
  expect(none.code).toBe(1)
  expect(none.stdout).toMatch(/^n = 200, 240, 300: no parameters \(cohort\): 300 participants less 60 .* 400$/m)
  const { code, stdout } = await runInProcess('plan parameters', [...args, '240', '--json'])
  expect(code).toBe(0)
  const { rows } = JSON.parse(stdout)
  expect(rows.at(-1)).toMatchObject({ participants: 300, found: { ok: true } })
  expect(rows.at(-2)).toMatchObject({
    participants: 240,
    found: { ok: false, broken: { bound: 'cohort' } },
    costs: null,
  })
})

test('numbers from a thousand on are grouped, wherever they stand', async () => {
  const { stdout } = await runInProcess('plan parameters', ['--enrolled', '5000', '--delta', '0.33'])
  expect(stdout).toMatch(/^5,000 enrolled, C = 1,000 may collude, malicious coordinator; 100,000 lanes modulo 2\^24\n/)
  expect(stdout).not.toMatch(/\d{4}/)
})

test('one colluder is one', async () => {
  expect((await runInProcess('plan parameters', ['--enrolled', '5'])).stdout).toContain('1 possible colluder among 3 ')
})

describe('refuses', () => {
  for (const args of [
    ['--enrolled', '2'],
    ['--enrolled', '100', '--gamma', '0.6'],
    ['--enrolled', '100', '--gamma', '0.1234567'],
    ['--enrolled', '100', '--adversary', 'nice'],
    ['--enrolled', '100', '--max-neighbours', '3000'],
    [],
  ]) {
    test(`plan parameters ${args.join(' ')}`, async () => {
      const { code, stderr } = await runInProcess('plan parameters', args)
      expect(code).toBe(2)
      expect(stderr).toMatch(/^blindsum plan parameters: --/)
    })
  }
})

test('sizes: those left when δ stay away, all enrolled, and round numbers below', () => {
  expect(rosterSizes(90, 100_000)).toEqual([3, 5, 10, 20, 50, 64, 65, 81, 90])
})

test('a row without parameters says which bound broke', () => {
  const assumptions = { gammaPpm: 0, deltaPpm: 0, colluders: 5, maxNeighbours: 1000 }
  const rows = parameterRows(
    [10, 20],
    { ...assumptions, adversary: 'malicious', graph: 'auto' },
    { minimumCohort: 3, vector },
  )
  expect(parameterText(rows)).toMatch(/n = 10: no parameters \(colluders\): 5 possible colluders among 10/)
})

test('the documentation has the same small columns', () => {
  const page = readFileSync(new URL('../../docs/parameters.md', import.meta.url), 'utf8')
  const rows = parameterGrid('malicious', [10, 20, 50, 64, 100, 200]).split('\n').slice(2, -1)
  for (const row of rows) expect(page).toContain(row.replace(/\|$/, ''))
})

test('stage 1 and the roster stay within 300·k + 2,048 and 97·n + 80·q bytes', () => {
  for (const n of [100, 1000, 10_000]) {
    const assumptions = { gammaPpm: 50_000, deltaPpm: 50_000, colluders: n / 20, maxNeighbours: 1000 }
    const parameters = sharingParameters(n, { ...assumptions, adversary: 'malicious', graph: 'auto' })
    const { neighbours: k, quorum: q } = parameters
    const none = { ...parameters, neighbours: 0, holders: 1 }
    expect(sessionCosts(none, vector).downBytes).toBeLessThan(97 * n + 80 * q)
    expect(sessionCosts(parameters, vector).upBytes - 40 * (k + 1)).toBeLessThan(300 * k + 2048)
  }
})
