/**
 * Eight agent processes over mTLS before a real coordinator, with kills, pauses and cuts: every version is the exact mean of
 * those that its provenance names, nobody falls out whom no fault had, and nothing is left behind, even by a harness that is
 * killed itself.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { drawFaults } from '../../simulation/real-processes/process-faults.ts'
import type { ProcessPlan } from '../../simulation/real-processes/process-plan.ts'
import type { ProcessReport } from '../../simulation/real-processes/process-report.ts'

const BLINDSUM = fileURLToPath(new URL('../../bin/blindsum.js', import.meta.url))
const PLAN: ProcessPlan = { participants: 8, lanes: 3000, rounds: 3, seed: 5, kills: 0.13, pauses: 0.13, cuts: 0.13 }
const OPTIONS = Object.entries(PLAN).flatMap(([name, value]) => [`--${name}`, String(value)])

/** The processes make their folder here, and only here. */
let temporary: string

beforeAll(() => {
  temporary = mkdtempSync(join(tmpdir(), 'real-processes-test-'))
})
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

function simulate(options: readonly string[]) {
  const child = spawn(process.execPath, [BLINDSUM, 'simulate', '--real-processes', ...options], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { out: '', progress: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.progress += text
  })
  return { child, said, ended: once(child, 'close') }
}

/** Working directories of processes that live in a folder of a simulation, removed or not. */
function stillRunning(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`)
      } catch {
        return ''
      }
    })
    .filter((folder) => folder.startsWith(temporary))
}

const KINDS = new Set(['kill', 'pause', 'cut', 'stall'])

test('the seed draws at least one of each kind', () => {
  expect(new Set(drawFaults(PLAN).map(({ kind }) => kind))).toEqual(KINDS)
})

describe('a run with faults', () => {
  let report: ProcessReport
  let code: number | null

  beforeAll(async () => {
    const { said, ended } = simulate([...OPTIONS, '--json'])
    const [ending] = await ended
    code = ending
    if (said.out === '') throw new Error(said.progress)
    report = JSON.parse(said.out.trimEnd().split('\n').at(-1) ?? '')
  }, 400_000)

  test('every round is published, verified and exact, lane by lane', () => {
    expect(report).toMatchObject({ ok: true, exact: true, outcome: 'completed', uncleanEndings: [] })
    expect(code).toBe(0)
    expect(report.rounds).toHaveLength(PLAN.rounds)
    for (const round of report.rounds) {
      expect(round).toMatchObject({ outcome: 'published', verified: true, exact: true, wrongLanes: 0 })
    }
  })

  test('the faults came to pass: an agent was started again, others were away and came back', () => {
    const struck = report.faults.filter(({ atSeconds }) => atSeconds !== null)
    expect(new Set(struck.map(({ kind }) => kind))).toEqual(KINDS)
    expect(struck.every(({ seconds, backAfterSeconds }) => (backAfterSeconds ?? -1) >= (seconds ?? 0))).toBe(true)
    const kills = struck.filter(({ kind }) => kind === 'kill')
    for (const { agent, starts } of report.agents) {
      expect(starts).toBe(1 + kills.filter((kill) => kill.agent === agent).length)
    }
    expect(report.rounds.some(({ survivors }) => survivors.length < PLAN.participants)).toBe(true)
  })

  test('nobody is missing whom no fault had', () => {
    const missing = report.rounds.flatMap(({ round, dropouts }) => dropouts.map((dropout) => ({ round, ...dropout })))
    expect(missing.filter(({ fault }) => fault === null)).toEqual([])
  })

  test('bytes on the wire are at least those of the masked input, and memory is told', () => {
    for (const { survivors, upBytes } of report.rounds) {
      const packed = (PLAN.lanes * 19) / 8
      expect(upBytes.mean).toBeGreaterThan((packed * survivors.length) / PLAN.participants)
      expect(upBytes.greatest).toBeLessThan(20 * packed)
    }
    expect(report.agents.every(({ upBytes, downBytes }) => upBytes > 0 && downBytes > 0)).toBe(true)
    if (process.platform === 'linux') expect(report.coordinatorPeakMemoryBytes).toBeGreaterThan(2 ** 20)
  })

  test('nothing is left, neither files nor processes', () => {
    expect(readdirSync(temporary)).toEqual([])
    if (process.platform === 'linux') expect(stillRunning()).toEqual([])
  })
})

describe.runIf(process.platform === 'linux')('a harness that ends early', () => {
  const long = [
    '--participants',
    '5',
    '--lanes',
    '10',
    '--rounds',
    '50',
    '--kills',
    '0',
    '--cuts',
    '0',
    '--pauses',
    '1',
  ]

  test('SIGINT clears everything away', async () => {
    const { child, said, ended } = simulate(long)
    await vi.waitFor(() => expect(said.progress).toContain('pause'), { timeout: 90_000, interval: 100 })
    expect(stillRunning().length).toBeGreaterThan(5)
    child.kill('SIGINT')
    const [code] = await ended
    expect({ code, ...said }).toMatchObject({ code: 130, out: '' })
    expect(stillRunning()).toEqual([])
    expect(readdirSync(temporary)).toEqual([])
  }, 120_000)

  test('killed without a word, it takes its processes along, even those that are paused', async () => {
    const { child, said, ended } = simulate(long)
    await vi.waitFor(() => expect(said.progress).toContain('pause'), { timeout: 90_000, interval: 100 })
    child.kill('SIGKILL')
    await ended
    await vi.waitFor(() => expect(stillRunning()).toEqual([]), { timeout: 40_000, interval: 200 })
  }, 160_000)
})
