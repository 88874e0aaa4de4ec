/** A stage that goes on after a restart keeps its deadline, but for the time that agents need to come back. */
import { expect, test } from 'vitest'
import { RECONNECT_MS, withTimeToReturn } from '../../../coordinator/rounds/round-attempt.ts'
import type { RecordedSession } from '../../../coordinator/session-runner/session-journal.ts'

const OPENED = 1_000_000
const DEADLINE = OPENED + 600_000
const deadlineAt = (nowMs: number) => {
  // Safety: nothing else of it is looked at.
  const session = { stage: { openedAtMs: OPENED, deadlineAtMs: DEADLINE } } as RecordedSession
  return withTimeToReturn(session, nowMs).stage
}

test('in time, it is what it was', () => {
  expect(deadlineAt(OPENED + 1000)).toEqual({ openedAtMs: OPENED, deadlineAtMs: DEADLINE })
})

test('near its end or past it, agents get the time to connect', () => {
  const long = DEADLINE + 3_600_000
  expect(deadlineAt(DEADLINE - 1)).toMatchObject({ deadlineAtMs: DEADLINE - 1 + RECONNECT_MS })
  expect(deadlineAt(long)).toMatchObject({ deadlineAtMs: long + RECONNECT_MS })
})

test('a clock that was set back makes it no longer than a stage is', () => {
  const past = OPENED - 3_600_000
  expect(deadlineAt(past)).toEqual({ openedAtMs: past, deadlineAtMs: past + 600_000 })
})
