/** `blindsum simulate` at its door: the JSON object, the tables, bad options. */
import { describe, expect, test } from 'vitest'
import { progressBar } from '../../bin/progress-bar.ts'
import { runInProcess } from '../bin/run-commands.ts'

const SMALL = ['--participants', '12', '--lanes', '200', '--threads', '1']

test('--json ends with one JSON object that has every figure', async () => {
  const { code, stdout } = await runInProcess('simulate', [...SMALL, '--dropout', '0.1', '--json'])
  expect(code).toBe(0)
  const report = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
  expect(report).toMatchObject({
    ok: true,
    exact: true,
    plan: { participants: 12, lanes: 200, deltaPpm: 100_000, seed: 1 },
    parameters: { neighbours: 11, threshold: 8, corruptHolders: 3, quorum: 8 },
    machine: { threads: 1, node: process.version },
  })
  const spread = { mean: expect.any(Number), greatest: expect.any(Number) }
  expect(report.rounds).toHaveLength(1)
  expect(report.rounds[0]).toMatchObject({ survivors: expect.any(Number), participantMs: spread, upBytes: spread })
  expect(report.rounds[0].steps.map(({ step }: { step: string }) => step)).toEqual([
    'advertise keys',
    'share keys',
    'mask input',
    'attest survivors',
    'reveal shares',
    'unmask',
  ])
  const { expansion, peakMemoryBytes, rounds } = report
  const sent = rounds[0].upBytes.greatest
  expect(expansion.float32.up).toBeCloseTo(sent / 800, 9)
  expect(expansion.bits16.up).toBeCloseTo(sent / 400, 9)
  expect(rounds[0].virtualSeconds).toBeGreaterThan(0.4)
  expect(peakMemoryBytes).toBeGreaterThan(2 ** 20)
})

test('without --json it prints tables, with whom was caught', async () => {
  const { code, stdout } = await runInProcess('simulate', [...SMALL, '--corrupt', '0.1'])
  expect(code).toBe(0)
  expect(stdout).toContain('exact: true')
  expect(stdout).toMatch(/bad-share +share_off_commitment +coordinator +by name/)
})

describe('wrong usage is one clear line, exit 2', () => {
  test.each([
    ['participants', '2'],
    ['lanes', '0'],
    ['bits', '25'],
    ['rounds', 'x'],
    ['drop-at', '5'],
    ['dropout', '0.6'],
    ['corrupt', '-1'],
    ['gamma', '1'],
    ['adversary', 'nice'],
    ['graph', 'ring'],
    ['seed', '1.5'],
  ])('--%s %s', async (name, value) => {
    const { code, stdout, stderr } = await runInProcess('simulate', [`--${name}=${value}`])
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(new RegExp(`^blindsum simulate: --${name} must be .*\nTry: blindsum simulate --help\n$`))
  })
})

test.each([
  [['--network', 'warp=9'], 'bad_network'],
  [['--graph', 'sparse'], 'simulation_impossible'],
])('%j is refused, exit 1', async (args, error) => {
  const { code, stdout, stderr } = await runInProcess('simulate', [...args, '--json'])
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, error })
  expect(stderr).toMatch(/^blindsum simulate: [^\n]+\n$/)
})

test('the progress bar is written over on a terminal, and says nothing elsewhere', () => {
  const written: string[] = []
  const write = (text: string) => written.push(text)
  progressBar({ write }).show('certificates', 0.5)
  expect(written).toEqual([])
  const bar = progressBar({ isTTY: true, write })
  bar.show('certificates', 0.5)
  bar.clear()
  expect(written.join('')).toBe(`\r\u001b[K[${'#'.repeat(15)}${'-'.repeat(15)}] certificates\r\u001b[K`)
})
