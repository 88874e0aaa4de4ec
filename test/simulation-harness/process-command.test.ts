/** `blindsum simulate --real-processes` at its door: options that do not fit, and what a report looks like to people. */
import { describe, expect, test } from 'vitest'
import { processPlan } from '../../bin/process-options.ts'
import { processTables } from '../../bin/process-tables.ts'
import { agentId } from '../../simulation/real-processes/process-plan.ts'
import { type Measured, processReport } from '../../simulation/real-processes/process-report.ts'
import { RunRecord } from '../../simulation/real-processes/run-record.ts'
import { runInProcess } from '../bin/run-commands.ts'

describe('wrong usage is one clear line, exit 2', () => {
  test.each([
    [['--kills', '0.1'], '--kills'],
    [['--keep'], '--keep'],
    [['--real-processes', '--dropout', '0.1'], '--dropout'],
    [['--real-processes', '--sweep', 'participants=5,6'], '--sweep'],
    [['--real-processes', '--cuts', '1.5'], '--cuts'],
    [['--real-processes', '--rounds', 'many'], '--rounds'],
  ])('%j', async (options, named) => {
    const { code, stdout, stderr } = await runInProcess('simulate', options)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(named)
  })
})

test('what cannot be simulated is refused before anything starts', async () => {
  const { code, stdout } = await runInProcess('simulate', ['--real-processes', '--participants', '51', '--json'])
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: 'simulation_impossible' })
})

test('every default is filled in', () => {
  const plan = { participants: 20, lanes: 10_000, rounds: 1, seed: 1, kills: 0.1, pauses: 0.1, cuts: 0.1 }
  expect(processPlan({ 'real-processes': true })).toEqual(plan)
  expect(processPlan({ 'real-processes': false, keep: false, lanes: '5' })).toBeNull()
})

/** Two rounds of five: the first without one that was killed, the second given up. */
function measured(): Measured {
  const record = new RunRecord()
  const cohort = [0, 1, 2, 3, 4].map(agentId)
  const [, second = ''] = cohort
  const start = (round: number, attempt: number) =>
    ({ kind: 'round_started', body: { round, attempt, cohort, evaluateOnly: false } }) as const
  const abort = (round: number, attempt: number) => {
    const body = { round, attempt, attempts: 10, reason: 'too_few_shares', detail: 'in words', named: [] }
    return { kind: 'session_aborted', body } as const
  }
  const left = { round: 1, attempt: 2, spiffeId: second, code: 'session_known', message: 'in words' }
  const published = { version: 1, modelSha256: '', survivors: 4, roster: 5, metrics: {}, bytesUpPerSite: 1 }
  record.see(start(1, 1), 1000)
  record.see(abort(1, 1), 2000)
  record.see(start(1, 2), 3000)
  record.see({ kind: 'participant_withdrew', body: left }, 3500)
  record.see({ kind: 'version_published', body: { ...published, float32Bytes: 1, seconds: 1 } }, 5000)
  record.see(start(2, 1), 6000)
  record.see({ kind: 'run_paused', body: { reason: 'tired', by: 'coordinator' } }, 7000)
  const survivors = cohort.filter((id) => id !== second)
  const check = { exact: true, wrongLanes: 0, furthest: 0, verified: true, survivors }
  const line = (up: number) => ({ up, down: 2 * up })
  const struck = { round: 1, place: 1, kind: 'kill', moment: 'keys shared', afterMs: 1, forMs: 1500 } as const
  return {
    plan: { participants: 5, lanes: 10, rounds: 2, seed: 1, kills: 0.2, pauses: 0, cuts: 0 },
    record,
    checks: new Map([[1, check]]),
    counts: new Map([
      [0, [10, 10, 10, 10, 10].map(line)],
      [1, [110, 10, 110, 110, 210].map(line)],
    ]),
    bytesInAll: [120, 20, 120, 120, 220].map(line),
    agents: [],
    faults: [{ ...struck, struckAtMs: 3400, liftedAtMs: 4900, recoveredAtMs: 5400 }],
    coordinatorPeakMemoryBytes: 150_000_000,
    uncleanEndings: ['site-05: SIGKILL'],
    submittedAtMs: 900,
    seconds: { start: 1, run: 2, all: 4 },
  }
}

test('a report says who was missing and why, and is not ok when a round or an ending is not', () => {
  const report = processReport(measured())
  expect(report).toMatchObject({ ok: false, exact: false, outcome: 'paused: tired', finalEvaluation: 'not done' })
  expect(report.rounds[0]).toMatchObject({
    attempts: 2,
    aborted: [{ attempt: 1, reason: 'too_few_shares' }],
    refusals: [{ attempt: 2, code: 'session_known' }],
    survivors: ['site-01', 'site-03', 'site-04', 'site-05'],
    dropouts: [{ agent: 'site-02', fault: 'kill' }],
    seconds: 4,
    upBytes: { mean: 100, greatest: 200 },
    downBytes: { mean: 200, greatest: 400 },
  })
  expect(report.rounds[1]).toMatchObject({
    outcome: 'not published',
    exact: false,
    seconds: 1,
    upBytes: { mean: 10, greatest: 10 },
  })
  expect(report.faults).toMatchObject([{ agent: 'site-02', atSeconds: 2.5, seconds: 1.5, backAfterSeconds: 2 }])
})

test('a dropout long after its fault has no cause', () => {
  const late = measured()
  const faults = late.faults.map((fault) => ({ ...fault, struckAtMs: -9000, liftedAtMs: -8000, recoveredAtMs: -7000 }))
  expect(processReport({ ...late, faults }).rounds[0]?.dropouts).toEqual([{ agent: 'site-02', fault: null }])
})

test('people read the same', () => {
  const text = processTables(processReport(measured()))
  for (const words of [
    'paused: tired',
    'site-02 (kill)',
    'site-02 left, session_known',
    'site-05: SIGKILL',
    '150 MB',
  ]) {
    expect(text).toContain(words)
  }
  expect(text).toMatch(/exact: false\n$/)
})
