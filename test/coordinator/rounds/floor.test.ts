import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Attendance } from '../../../coordinator/attendance/attendance.ts'
import { Floor, type GatherRequest } from '../../../coordinator/rounds/floor.ts'
import { systemRng } from '../../../shared/random.ts'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

function lab() {
  const nowMs = () => Date.now()
  const attendance = new Attendance(nowMs)
  const floor = new Floor({ attendance, rng: systemRng, nowMs })
  const leave = new Map<string, () => void>()
  const come = (...ids: string[]) => {
    for (const id of ids) leave.set(id, attendance.attach(id, { send: () => {}, end: () => {} }))
  }
  const told: string[] = []
  const gather = (runId: string, changes: Partial<GatherRequest> = {}) =>
    floor.gather({
      runId,
      enrolled: ['a', 'b', 'c', 'd'],
      leftOut: [],
      needed: 3,
      wanted: 4,
      joinGraceMs: 10_000,
      signal: new AbortController().signal,
      onWaiting: (text) => void told.push(text),
      giveUpAfterMs: null,
      ...changes,
    })
  return { floor, come, leave, gather, told }
}

test('a run starts as soon as all it wants are there', async () => {
  const { come, gather, told } = lab()
  const gathered = gather('run')
  expect(told.at(-1)).toBe('waiting for participants: 0 connected, 3 needed; not connected: a, b, c, d')
  come('a', 'b', 'c', 'd')
  expect(await gathered).toEqual({ kind: 'cohort', cohort: ['a', 'b', 'c', 'd'] })
})

test('with enough of them it waits out the grace, then goes on without the rest', async () => {
  const { come, gather, told } = lab()
  const gathered = gather('run')
  vi.advanceTimersByTime(60_000)
  come('a', 'b', 'c')
  expect(told.at(-1)).toMatch(/^3 participants are connected; waiting a little for the rest; not connected: d$/)
  vi.advanceTimersByTime(10_000)
  expect(await gathered).toEqual({ kind: 'cohort', cohort: ['a', 'b', 'c'] })
})

test('agents serve one run at a time, and the runs take turns', async () => {
  const { floor, come, gather, told } = lab()
  come('a', 'b', 'c', 'd')
  await gather('first')
  const second = gather('second')
  const firstAgain = gather('first')
  expect(told.at(-1)).toBe('waiting for participants that serve another run')
  floor.release('first')
  expect(await second).toMatchObject({ kind: 'cohort' })
  floor.release('second')
  expect(await firstAgain).toMatchObject({ kind: 'cohort' })
})

test('a waiting run can be called off, and then takes nobody', async () => {
  const { come, gather } = lab()
  const stop = new AbortController()
  const first = gather('first', { signal: stop.signal })
  stop.abort(new Error('paused'))
  await expect(first).rejects.toThrow('paused')
  await expect(gather('late', { signal: stop.signal })).rejects.toThrow('paused')
  const second = gather('second')
  come('a', 'b', 'c', 'd')
  expect(await second).toMatchObject({ kind: 'cohort' })
})

test('a run that must not wait for ever gives up while too few are connected', async () => {
  const { come, gather } = lab()
  come('a')
  const gathered = gather('run', { giveUpAfterMs: 5000 })
  vi.advanceTimersByTime(5000)
  expect(await gathered).toMatchObject({ kind: 'gave-up', message: expect.stringContaining('1 connected, 3 needed') })
})
