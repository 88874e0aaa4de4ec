/** `blindsum simulate --sweep` at its door: the table, the folder, JSON, bad words, and an interruption. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { sweepCommandLine } from '../../bin/sweep-options.ts'
import { BLINDSUM, runInProcess } from '../bin/run-commands.ts'
import { readSvg } from '../shared/plot/read-svg.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-sweep-'))
afterAll(() => rmSync(folder, { recursive: true }))

const SMALL = ['--lanes', '50', '--threads', '1']
const PLOTS = ['bytes-down', 'bytes-up', 'coordinator-cpu', 'participant-cpu']

test('--out gets the tables, all reports and plots; the terminal the tables, and a line per value', async () => {
  const out = join(folder, 'sizes')
  const args = [...SMALL, '--sweep', 'participants=5,8', '--out', out]
  const { code, stdout, stderr } = await runInProcess('simulate', args)
  expect(code).toBe(0)
  expect(stdout).toMatch(/^50 lanes, 16 bits, malicious coordinator/)
  expect(stdout).toMatch(/^n +d +k +t +survivors +CPU ms .* exact$/m)
  expect(stdout).toMatch(/^5 +50 +4 .* yes$/m)
  expect(stdout).toMatch(/^8 +50 +7 .* yes$/m)
  expect(stdout).toContain('CPU ms of the coordinator by stage')
  expect(stderr).toMatch(/^1\/2 n = 5: .* exact, .*\n2\/2 n = 8: .* exact, .*\n$/)

  const files = PLOTS.flatMap((name) => [`${name}.svg`, `${name}-against-k.svg`])
  expect(readdirSync(out).sort()).toEqual([...files, 'sweep.json', 'sweep.md'].sort())
  const stored = JSON.parse(readFileSync(join(out, 'sweep.json'), 'utf8'))
  expect(stored).toMatchObject({
    ok: true,
    command: 'blindsum simulate --lanes 50 --threads 1 --sweep participants=5,8',
    sweep: { option: 'participants', values: [5, 8] },
    rows: [
      { value: 5, exact: true, plan: { participants: 5 }, rounds: [{ steps: expect.any(Array) }] },
      { value: 8, exact: true, plan: { participants: 8 }, rounds: [{ steps: expect.any(Array) }] },
    ],
  })
  const markdown = readFileSync(join(out, 'sweep.md'), 'utf8')
  expect(markdown).toContain(stored.command)
  expect(markdown).toMatch(/^\| 8 \| 50 \| 7 \| /m)
  expect(markdown).toContain(`Node ${process.version}`)
  for (const file of files) {
    expect(markdown).toContain(`](${file})`)
    const texts = readSvg(readFileSync(join(out, file), 'utf8')).map(({ text }) => text)
    expect(texts).toContain('2 mask input')
    expect(texts).toContain(file.includes('against-k') ? 'neighbours k, by participants' : 'participants n')
  }
})

test('--json ends with one JSON object; an impossible value has its reason, and the rest counts', async () => {
  const args = [...SMALL, '--participants', '6', '--sweep', 'gamma=0.5,0.05', '--json']
  const { code, stdout, stderr } = await runInProcess('simulate', args)
  expect(code).toBe(0)
  expect(stdout.trimEnd().split('\n')).toHaveLength(1)
  const answer = JSON.parse(stdout)
  expect(answer).toMatchObject({ ok: true, sweep: { option: 'gamma', values: [0.5, 0.05] } })
  expect(answer.rows).toMatchObject([
    { value: 0.5, exact: false, error: 'simulation_impossible', problems: expect.any(Array) },
    { value: 0.05, exact: true, plan: { gammaPpm: 50_000 } },
  ])
  expect(stderr).toMatch(/^1\/2 gamma = 0\.5: impossible: /m)
})

test('k that stays the same gets no plots, nothing possible no plots at all, and the exit code says so', async () => {
  const lanes = join(folder, 'lanes')
  expect((await runInProcess('simulate', ['--participants', '5', '--sweep', 'lanes=20', '--out', lanes])).code).toBe(0)
  expect(readdirSync(lanes).sort()).toEqual([...PLOTS.map((name) => `${name}.svg`), 'sweep.json', 'sweep.md'].sort())

  const nothing = join(folder, 'nothing')
  mkdirSync(nothing)
  const args = ['--participants', '6', '--sweep', 'gamma=0.5', '--out', nothing]
  const { code, stdout } = await runInProcess('simulate', args)
  expect(code).toBe(1)
  expect(stdout).toMatch(/^ *0\.5 .* impossible$/m)
  expect(stdout).toMatch(/^gamma = 0\.5: impossible: .*colluders/m)
  expect(readdirSync(nothing).sort()).toEqual(['sweep.json', 'sweep.md'])
  expect(JSON.parse(readFileSync(join(nothing, 'sweep.json'), 'utf8'))).toMatchObject({ ok: false })
})

test('a session that aborts is told, and makes the exit code 1', async () => {
  const args = [...SMALL, '--participants', '10', '--sweep', 'dropout=0,0.5']
  const { code, stdout } = await runInProcess('simulate', args)
  expect(code).toBe(1)
  expect(stdout).toMatch(/^ *0 .* yes$/m)
  expect(stdout).toMatch(/^ *0\.5 .* NO$/m)
  expect(stdout).toMatch(/^dropout = 0\.5: round 1 aborted, too_few_/m)
})

describe('wrong usage is one clear line, exit 2, and nothing is written', () => {
  const out = join(folder, 'never')
  test.each([
    [['--sweep', 'foo=1'], 'there is no "foo"'],
    [['--sweep', 'participants='], 'needs values'],
    [['--sweep', 'participants=5,5'], 'twice'],
    [['--sweep', 'participants=5,x'], 'not "x"'],
    [['--sweep', 'participants=5,2'], '--participants must be a whole number from 3 to 65535, not "2"'],
    [['--sweep', 'dropout=0,0.6'], '--dropout must be'],
    [['--sweep', 'lanes=1.5'], '--lanes must be'],
    [['--sweep', 'neighbours=64'], 'sweep one of those'],
    [[], '--out needs --sweep'],
  ])('%j', async (args, hint) => {
    const { code, stdout, stderr } = await runInProcess('simulate', [...args, '--out', out])
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^blindsum simulate: --(sweep: |out )[^\n]+\nTry: blindsum simulate --help\n$/)
    expect(stderr).toContain(hint)
    expect(readdirSync(folder)).not.toContain('never')
  })
})

test('a folder with something in it, a file, and a folder that cannot be made are refused before anything runs', async () => {
  const full = join(folder, 'full')
  mkdirSync(full)
  writeFileSync(join(full, 'mine'), 'mine')
  const cases = [
    [full, 'folder_not_empty'],
    [join(full, 'mine'), 'folder_unwritable'],
    [join(full, 'mine', 'deeper'), 'folder_unwritable'],
  ] as const
  for (const [out, error] of cases) {
    const { code, stdout, stderr } = await runInProcess('simulate', [
      '--sweep',
      'participants=5',
      '--out',
      out,
      '--json',
    ])
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error })
    expect(stderr).toMatch(/^blindsum simulate: --out: [^\n]+\n$/)
  }
  expect(readdirSync(full)).toEqual(['mine'])
})

test('an interruption keeps the rows that are done', async () => {
  const out = join(folder, 'interrupted')
  const args = ['simulate', '--threads', '1', '--lanes', '50', '--sweep', 'participants=5,400', '--out', out]
  const child = spawn(process.execPath, [BLINDSUM, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  const closed = once(child, 'close')
  for await (const _ of child.stderr) break
  child.kill('SIGINT')
  await closed
  const stored = JSON.parse(readFileSync(join(out, 'sweep.json'), 'utf8'))
  expect(stored).toMatchObject({ ok: false, sweep: { values: [5, 400] }, rows: [{ value: 5, exact: true }] })
  expect(stored.rows).toHaveLength(1)
  expect(readdirSync(out)).toContain('participant-cpu.svg')
  expect(readFileSync(join(out, 'sweep.md'), 'utf8')).toContain('| 5 | 50 | 4 |')
})

test('the command that is written down is one a shell takes', () => {
  const options = { seed: "it's", network: 'loss=0.1%,latency=5ms', gamma: '0.1', lanes: undefined }
  const line = sweepCommandLine('lanes=1,2', options)
  expect(line).toBe(`blindsum simulate --gamma 0.1 --network loss=0.1%,latency=5ms --seed 'it'\\''s' --sweep lanes=1,2`)
})

test('a folder whose parent is not there is refused at once', async () => {
  const args = [...SMALL, '--sweep', 'participants=5', '--out', join(folder, 'mistyped', 'sizes')]
  const { code, stderr } = await runInProcess('simulate', args)
  expect(code).toBe(1)
  expect(stderr).toContain(join(folder, 'mistyped'))
  expect(readdirSync(folder)).not.toContain('mistyped')
})
