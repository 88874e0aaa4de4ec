/** A site may change its word while a round is prepared, but not for ever: each change is an event that is kept. */
import { expect, test } from 'vitest'
import { Attendance } from '../../../coordinator/attendance/attendance.ts'
import { Preparation } from '../../../coordinator/rounds/preparation.ts'
import { ProtocolError } from '../../../shared/protocol/refusal.ts'

test('so many changes become events, the next are refused, repetitions are free', async () => {
  const now = () => Date.now()
  const modelDigest = new Uint8Array(32)
  const events: string[] = []
  const preparation = new Preparation(new Attendance(now), now, {
    runId: 'run',
    round: 1,
    prepare: { planDigest: new Uint8Array(32), modelDigest, version: 0, attempt: 1 },
    cohort: ['east', 'west'],
    trainDeadlineMs: 60_000,
    joinGraceMs: 60_000,
    onReport: (spiffeId, { code }) => events.push(`${spiffeId} ${code}`),
  })
  preparation.start()
  const say = (spiffeId: string, code: string) =>
    preparation.report(spiffeId, { round: 1, attempt: 1, modelDigest }, { ready: false, code, message: '' })
  for (let change = 0; change < 8; change += 1) {
    say('east', `c${change}`)
    expect(say('east', `c${change}`)).toBe(true)
  }
  expect(() => say('east', 'c8')).toThrow(ProtocolError)
  expect(events.filter((event) => event.startsWith('east'))).toHaveLength(8)
  say('west', 'other')
  expect(events.at(-1)).toBe('west other')
  const { ready, refused } = await preparation.prepared
  expect([ready, refused.get('east')?.code]).toEqual([[], 'c7'])
})
