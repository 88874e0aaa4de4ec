/** Where a call goes when there is nothing for it to go to. */
import { describe, expect, test } from 'vitest'
import { Attendance } from '../../../coordinator/attendance/attendance.ts'
import { LiveRounds } from '../../../coordinator/rounds/live-rounds.ts'
import { Preparation } from '../../../coordinator/rounds/preparation.ts'

const MODEL = new Uint8Array(32)

/** A second attempt of a round that asks two sites, and what it heard. */
function preparing() {
  const now = () => 0
  const heard: string[] = []
  const preparation = new Preparation(new Attendance(now), now, {
    runId: 'run',
    round: 1,
    prepare: { planDigest: new Uint8Array(32), modelDigest: MODEL, version: 0, attempt: 2 },
    cohort: ['east', 'west'],
    trainDeadlineMs: 60_000,
    joinGraceMs: 60_000,
    onReport: (spiffeId) => heard.push(spiffeId),
  })
  preparation.prepared.catch(() => {})
  return { preparation, heard }
}

const refusedWith = (code: string) => expect.objectContaining({ code })

describe('a run that asks for nothing', () => {
  test('takes no report, before and after its preparation', () => {
    const live = new LiveRounds()
    const { preparation } = preparing()
    expect(() => live.preparationOf('run')).toThrow(refusedWith('late'))
    live.prepare('run', preparation)
    expect(live.preparationOf('run')).toBe(preparation)
    live.prepared('run')
    expect(() => live.preparationOf('run')).toThrow(refusedWith('late'))
  })

  test('has no session', () => {
    expect(() => new LiveRounds().session(new Uint8Array(16))).toThrow(refusedWith('wrong_session'))
  })
})

describe('a report that does not count', () => {
  const attempt2 = { round: 1, attempt: 2, modelDigest: MODEL }
  const ready = { ready: true, code: '', message: '' }
  const cases = [
    ['of a site that was not asked', 'unknown_participant', 'north', attempt2],
    ['for an earlier attempt', 'late', 'east', { ...attempt2, attempt: 1 }],
    ['for another round', 'late', 'east', { round: 2, attempt: 2, modelDigest: MODEL }],
    ['about another model', 'digest_mismatch', 'east', { ...attempt2, modelDigest: MODEL.slice().fill(1) }],
  ] as const
  for (const [name, code, from, attempt] of cases) {
    test(name, () => {
      const { preparation, heard } = preparing()
      preparation.start()
      expect(() => preparation.report(from, attempt, ready)).toThrow(refusedWith(code))
      expect(heard).toEqual([])
      preparation.callOff(new Error('over'), 'over')
    })
  }

  test('after the round has gone on', () => {
    const { preparation, heard } = preparing()
    preparation.start()
    preparation.callOff(new Error('over'), 'over')
    expect(() => preparation.report('east', attempt2, ready)).toThrow(refusedWith('late'))
    expect(heard).toEqual([])
  })
})
