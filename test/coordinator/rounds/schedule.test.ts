import { describe, expect, test } from 'vitest'
import { type AgentStanding, schedule, type WaitingRun } from '../../../coordinator/rounds/schedule.ts'

const NOW = 100_000

function run(runId: string, enrolled: string, changes: Partial<WaitingRun> = {}): WaitingRun {
  const ids = [...enrolled]
  return {
    runId,
    enrolled: ids,
    leftOut: [],
    needed: 3,
    wanted: ids.length,
    joinGraceMs: 10_000,
    gatheringSinceMs: 0,
    ...changes,
  }
}

/** Capitals are busy, digits are ages of absence in thousands of milliseconds. */
function standings(connected: string, busy = '', absentSinceMs: Record<string, number> = {}) {
  return (id: string): AgentStanding => ({
    absentSinceMs: connected.includes(id) ? null : (absentSinceMs[id] ?? 0),
    isBusy: busy.includes(id),
  })
}

describe('one run', () => {
  test('starts with everybody who is there', () => {
    expect(schedule([run('r', 'abcde')], standings('abcde'), NOW)).toEqual([
      { kind: 'start', runId: 'r', eligible: [...'abcde'] },
    ])
  })

  test('waits while too few are connected, however long', () => {
    expect(schedule([run('r', 'abcde')], standings('ab'), NOW)).toMatchObject([
      { kind: 'wait', why: 'short', connected: 2, absent: ['c', 'd', 'e'], untilMs: null },
    ])
  })

  test('gives one that has just gone its grace, and one that is long gone none', () => {
    const justGone = standings('abcd', '', { e: NOW - 4000 })
    expect(schedule([run('r', 'abcde')], justGone, NOW)).toMatchObject([{ why: 'gathering', untilMs: NOW + 6000 }])
    expect(schedule([run('r', 'abcde')], standings('abcd'), NOW)).toMatchObject([{ kind: 'start' }])
  })

  test('gives everybody the grace when enough have only just come together', () => {
    const waiting = run('r', 'abcde', { gatheringSinceMs: NOW - 1000 })
    expect(schedule([waiting], standings('abcd'), NOW)).toMatchObject([{ why: 'gathering', untilMs: NOW + 9000 }])
  })

  test('does not wait for more than it wants', () => {
    const waiting = run('r', 'abcde', { wanted: 3, gatheringSinceMs: NOW })
    expect(schedule([waiting], standings('abcd'), NOW)).toMatchObject([{ kind: 'start', eligible: [...'abcd'] }])
  })

  test('goes without those caught in the last session', () => {
    expect(schedule([run('r', 'abcde', { leftOut: ['b'] })], standings('abcde'), NOW)).toMatchObject([
      { kind: 'start', eligible: [...'acde'] },
    ])
    expect(schedule([run('r', 'abc', { leftOut: ['b'] })], standings('abc'), NOW)).toMatchObject([{ why: 'short' }])
  })
})

describe('several runs', () => {
  test('the first in line starts first; the next looks again afterwards', () => {
    const verdicts = schedule([run('first', 'abcd'), run('second', 'abcd')], standings('abcd'), NOW)
    expect(verdicts).toMatchObject([{ kind: 'start', runId: 'first' }])
  })

  test('an agent is in one round at a time', () => {
    expect(schedule([run('r', 'abcd')], standings('abcd', 'd'), NOW)).toMatchObject([{ kind: 'wait', why: 'busy' }])
  })

  test('a run whose agents are busy keeps its place: a later one does not take those that are free', () => {
    const verdicts = schedule([run('large', 'abcdef'), run('small', 'abc')], standings('abcdef', 'f'), NOW)
    expect(verdicts).toMatchObject([
      { runId: 'large', why: 'busy' },
      { runId: 'small', why: 'busy' },
    ])
  })

  test('a run whose agents are not there holds up nobody', () => {
    const verdicts = schedule([run('lonely', 'axyz'), run('ready', 'abcd')], standings('abcd'), NOW)
    expect(verdicts).toMatchObject([
      { runId: 'lonely', why: 'short' },
      { kind: 'start', runId: 'ready' },
    ])
  })

  test('runs without an agent in common go on at once', () => {
    const verdicts = schedule([run('one', 'abc'), run('two', 'xyz')], standings('abcxyz', 'abc'), NOW)
    expect(verdicts).toMatchObject([
      { runId: 'one', why: 'busy' },
      { kind: 'start', runId: 'two' },
    ])
  })
})
