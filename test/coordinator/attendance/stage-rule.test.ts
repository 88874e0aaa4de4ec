import { expect, test } from 'vitest'
import { judgeStage, type StageProgress } from '../../../coordinator/attendance/stage-rule.ts'

const STARTED = 1_000_000

function progress(changes: Partial<StageProgress> & { absent?: Record<string, number> }): StageProgress {
  return {
    awaited: ['a', 'b'],
    absentSinceMs: (id) => changes.absent?.[id] ?? null,
    openedAtMs: STARTED,
    deadlineAtMs: STARTED + 60_000,
    joinGraceMs: 10_000,
    nowMs: STARTED + 1000,
    ...changes,
  }
}

test('closes when nobody is awaited', () => {
  expect(judgeStage(progress({ awaited: [] }))).toEqual({ kind: 'close' })
})

test('waits for whoever is connected until the deadline', () => {
  expect(judgeStage(progress({}))).toEqual({ kind: 'wait', untilMs: STARTED + 60_000 })
  expect(judgeStage(progress({ nowMs: STARTED + 60_000 }))).toEqual({ kind: 'close' })
})

test('gives the absent their grace from the start of the stage', () => {
  const absent = { a: STARTED - 5000, b: STARTED - 500_000 }
  expect(judgeStage(progress({ absent }))).toEqual({ kind: 'wait', untilMs: STARTED + 10_000 })
  expect(judgeStage(progress({ absent, nowMs: STARTED + 10_000 }))).toEqual({ kind: 'close' })
})

test('gives one that drops off during the stage its grace from then on', () => {
  const absent = { a: STARTED + 30_000, b: STARTED }
  expect(judgeStage(progress({ absent, nowMs: STARTED + 31_000 }))).toEqual({ kind: 'wait', untilMs: STARTED + 40_000 })
})

test('waits for one that is connected whatever the grace of the others', () => {
  const absent = { a: STARTED - 5000 }
  expect(judgeStage(progress({ absent, nowMs: STARTED + 20_000 }))).toEqual({ kind: 'wait', untilMs: STARTED + 60_000 })
})

test('no grace outlasts the deadline', () => {
  const absent = { a: STARTED + 59_000, b: STARTED + 59_000 }
  expect(judgeStage(progress({ absent, nowMs: STARTED + 59_500 }))).toEqual({ kind: 'wait', untilMs: STARTED + 60_000 })
})
