/**
 * The starved-U2 attack. The victim is told that hardly anybody dealt: itself and the coordinator's accomplices. It masks with
 * accomplices only, whose mask keys the coordinator has; everybody else hears the truth, in which the victim has dealt and
 * survives, and reveals the shares of its self mask seed. Nobody has signed anything false, and one input is all that is left.
 *
 * Off: stage 2's counts of U2 (`too_few_holders`, `cohort_too_small`), for this one instruction to this one victim. On a
 * sparse graph the cohort can be filled with strangers, whom the victim does not mask with; there the first stands alone.
 */
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { encodeBitmap } from '../../shared/protocol/bitmap.ts'
import { neighboursOf } from '../../shared/protocol/neighbour-graph.ts'
import type { RefusalCode } from '../../shared/protocol/refusal-codes.ts'
import { NOW_MS, tell, walkStage } from '../protocol/federation.ts'
import { makeIdentities } from '../protocol/identities.ts'
import { type AttackRow, recovered, refused, showAttacks } from './attack-table.ts'
import { coordinatorAt, type RecordedSession, recordSession, siteAt, truthFor } from './recorded-session.ts'
import { recoverSum, spoilsOf, trueSum } from './recovery.ts'
import { type Passed, withoutChecks } from './unchecked.ts'
import { expectRefused, holdingsOf } from './what-left.ts'

vi.mock('../../shared/protocol/refusal.ts', async (original) =>
  (await import('./unchecked.ts')).uncheckable(await original()),
)
vi.mock('../../shared/protocol/threshold.ts', async (original) =>
  (await import('./small-ring.ts')).inMiniature(await original()),
)

const VICTIM = 3
const rows: AttackRow[] = []
showAttacks('Starved U2: a victim that is told of nobody but accomplices', rows)

/** Tells the victim of `u2` alone, with these checks off, and everybody else the truth to the end. */
async function starve(session: RecordedSession, u2: readonly number[], off: readonly RefusalCode[]) {
  const federation = session.at('mask-input')
  const { roster } = coordinatorAt(federation, 'mask-input')
  const victim = siteAt(federation, VICTIM)
  const held = holdingsOf(victim)
  const truth = truthFor(federation, victim, 'mask-input')
  const starved = {
    ...truth,
    shared: encodeBitmap(u2, roster.entries.length),
    deals: truth.deals.filter((deal) => u2.includes(deal.owner)),
  }
  const passed: Passed = await withoutChecks(off, () => tell(federation, victim, starved))
  while (federation.coordinator.stage !== 'completed') {
    if (federation.coordinator.stage === 'aborted') throw new Error(federation.coordinator.detail)
    await walkStage(federation, { down: (instruction, to) => (to === victim.spiffeId ? null : instruction) })
  }
  return { federation, roster, victim, held, passed, truth: trueSum([victim]) }
}

describe('seven on the complete graph, two of them accomplices', () => {
  const ACCOMPLICES = [6, 7]
  const U2 = [VICTIM, ...ACCOMPLICES]
  let session: RecordedSession
  beforeAll(async () => {
    const options = { size: 7, gammaPpm: 200_000, parameterCount: 24, modulusBits: 32 }
    session = await recordSession(options, { last: 'mask-input' })
  })

  /** What the coordinator makes of it with its accomplices' mask keys. */
  async function attack(off: readonly RefusalCode[]) {
    const done = await starve(session, U2, off)
    const maskKeys = new Map<number, Uint8Array>()
    for (const index of ACCOMPLICES) {
      const accomplice = siteAt(session.at('mask-input'), index).session
      if (accomplice?.stage === 'shared') maskKeys.set(index, accomplice.secrets.mask.secretKey)
    }
    const spoils = spoilsOf(done.federation, done.roster)
    const guess = await recoverSum(spoils, { members: [VICTIM], shared: U2, maskKeys })
    return { ...done, spoils, guess }
  }

  test('off: the victim’s input, exactly; on: not a masked byte of it', async () => {
    const off = await attack(['cohort_too_small', 'too_few_holders'])
    expect(off.passed).toEqual({ cohort_too_small: 1, too_few_holders: 1 })
    expect([...off.federation.sites.values()].filter(({ refusal }) => refusal !== null)).toEqual([])
    expect(off.guess).toEqual(off.truth)

    const on = await attack([])
    expectRefused(on.victim, { code: 'cohort_too_small', left: 'deal', held: on.held })
    expect(on.spoils.uploads.has(VICTIM)).toBe(false)
    expect(on.guess).toBeNull()
    rows.push({
      attack: 'complete graph, 2 accomplices of 7',
      check: 'cohort_too_small and too_few_holders',
      off: recovered(off.guess, off.truth),
      on: `${refused([on.victim])}; ${recovered(on.guess, on.truth)}`,
    })
  })

  test('either of the two checks is enough', async () => {
    for (const [off, code] of [
      ['cohort_too_small', 'too_few_holders'],
      ['too_few_holders', 'cohort_too_small'],
    ] as const) {
      const one = await attack([off])
      expectRefused(one.victim, { code, left: 'deal', held: one.held })
      expect(one.guess).toBeNull()
      const on = `${refused([one.victim])}; ${recovered(one.guess, one.truth)}`
      rows.push({ attack: 'the same', check: `${code} alone`, off: 'as above', on })
    }
  })
})

describe('twenty-eight on a ring, no accomplice at all', () => {
  let session: RecordedSession
  beforeAll(async () => {
    const identities = await makeIdentities(28, NOW_MS)
    const options = { size: 28, identities, parameterCount: 24, modulusBits: 32 }
    session = await recordSession(options, { last: 'mask-input' })
  })

  /** U2 is the victim and everybody it does not mask with. */
  async function attack(off: readonly RefusalCode[]) {
    const { roster } = coordinatorAt(session.at('mask-input'), 'mask-input')
    const masking = neighboursOf(roster.graph, VICTIM)
    const u2 = roster.entries.map((_, place) => place + 1).filter((index) => !masking.includes(index))
    const done = await starve(session, u2, off)
    const spoils = spoilsOf(done.federation, roster)
    return { ...done, spoils, guess: await recoverSum(spoils, { members: [VICTIM], shared: u2 }) }
  }

  test('off: the victim’s input, exactly; on: not a masked byte of it', async () => {
    const off = await attack(['too_few_holders'])
    expect(off.passed).toEqual({ too_few_holders: 1 })
    expect([...off.federation.sites.values()].filter(({ refusal }) => refusal !== null)).toEqual([])
    expect(off.guess).toEqual(off.truth)

    const on = await attack([])
    expectRefused(on.victim, { code: 'too_few_holders', left: 'deal', held: on.held })
    expect(on.spoils.uploads.has(VICTIM)).toBe(false)
    expect(on.guess).toBeNull()
    rows.push({
      attack: 'ring of 28, U2 filled with strangers',
      check: 'too_few_holders',
      off: recovered(off.guess, off.truth),
      on: `${refused([on.victim])}; ${recovered(on.guess, on.truth)}`,
    })
  })
})
