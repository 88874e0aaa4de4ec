/**
 * The arc attack without lists of everybody's own: the places on both sides of an arc are called dropouts, to everybody alike.
 * All sign the same sets and the certificate is good, so what keeps the ring in one piece is the threshold alone: t = ⌊(h + c)/2⌋ + 2
 * is one more than the holders that an arc's end has left, itself and k/2 places to one side.
 *
 * Off: that one share; with t = ⌊h/2⌋ + 1, which 2t > h + c would allow, all checks pass and both arcs come apart. On, the ends
 * refuse in stage 3 (`too_few_holders`), and even without that refusal their secrets lack a share.
 */
import { afterEach, beforeAll, expect, test, vi } from 'vitest'
import { encodeBitmap } from '../../shared/protocol/bitmap.ts'
import type { RefusalCode } from '../../shared/protocol/refusal-codes.ts'
import { NOW_MS } from '../protocol/federation.ts'
import { type Identities, makeIdentities } from '../protocol/identities.ts'
import { type AttackRow, lanesRight, recovered, refused, showAttacks } from './attack-table.ts'
import { attestLists, certificateOver, certifyLists } from './cut-off.ts'
import { arcFrom, aroundArc } from './own-lists.ts'
import { coordinatorAt, recordSession, siteAt } from './recorded-session.ts'
import { recoverSum, spoilsOf, trueSum } from './recovery.ts'
import { lowerThresholdBy, ringThreshold } from './small-ring.ts'
import { withoutChecks } from './unchecked.ts'
import { expectRefused, holdingsOf } from './what-left.ts'

vi.mock('../../shared/protocol/refusal.ts', async (original) =>
  (await import('./unchecked.ts')).uncheckable(await original()),
)
vi.mock('../../shared/protocol/threshold.ts', async (original) =>
  (await import('./small-ring.ts')).inMiniature(await original()),
)

const SIZE = 28
const ARC = 8
const EVERYBODY = Array.from({ length: SIZE }, (_, place) => place + 1)
const rows: AttackRow[] = []
showAttacks(
  `Naive cut: ${SIZE} participants on a ring of 12 neighbours, an arc of ${ARC} cut off for everybody alike`,
  rows,
)

let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
})
afterEach(() => lowerThresholdBy(0))

async function attack(off: readonly RefusalCode[]) {
  const options = { size: SIZE, identities, parameterCount: 24, modulusBits: 32 }
  const federation = (await recordSession(options, { last: 'attest-survivors' })).at('attest-survivors')
  const { roster, bitmaps } = coordinatorAt(federation, 'attest-survivors')
  const arc = arcFrom(roster.graph, 5, ARC)
  const around = aroundArc(roster.graph, arc)
  const left = EVERYBODY.filter((index) => !around.includes(index))
  const survivors = encodeBitmap(left, SIZE)
  const held = new Map(left.map((index) => [index, holdingsOf(siteAt(federation, index))]))
  const signed: number[] = []
  const passed = await withoutChecks(off, async () => {
    const signatures = await attestLists(federation, new Map(left.map((index) => [index, survivors])))
    signed.push(...signatures.keys())
    const certificate = certificateOver(roster, { shared: bitmaps.shared, survivors }, signatures)
    await certifyLists(federation, signed, () => certificate)
  })
  const guess = await recoverSum(spoilsOf(federation, roster), { members: arc, shared: EVERYBODY })
  const truth = trueSum(arc.map((index) => siteAt(federation, index)))
  return {
    roster,
    arc,
    sites: left.map((index) => siteAt(federation, index)),
    left,
    signed,
    held,
    passed,
    guess,
    truth,
  }
}

test('off: the arc’s sum, exactly, with every check on; on: the arcs’ ends refuse, and the others lack their signatures', async () => {
  lowerThresholdBy(1)
  const off = await attack([])
  expect(2 * ringThreshold()).toBeGreaterThan(off.roster.parameters.holders + off.roster.parameters.corruptHolders)
  expect(off.sites.filter(({ refusal }) => refusal !== null)).toEqual([])
  expect(off.guess).toEqual(off.truth)

  lowerThresholdBy(0)
  const on = await attack([])
  const ends = on.left.filter((index) => !on.signed.includes(index))
  expect(ends).toHaveLength(4)
  for (const index of on.left) {
    const isEnd = ends.includes(index)
    expectRefused(on.sites[on.left.indexOf(index)]!, {
      code: isEnd ? 'too_few_holders' : 'bad_quorum_certificate',
      left: isEnd ? 'masked input' : 'attestation',
      held: on.held.get(index)!,
    })
  }
  expect(lanesRight(on.guess, on.truth)).toBe(0)
  rows.push({
    attack: 'same survivors for all',
    check: 't = ⌊(h + c)/2⌋ + 2, not ⌊h/2⌋ + 1',
    off: recovered(off.guess, off.truth),
    on: `${refused(on.sites)}; ${recovered(on.guess, on.truth)}`,
  })
})

test('with the threshold as it is the refusal only saves a session: everybody reveals, and a share is lacking', async () => {
  const off = await attack(['too_few_holders'])
  expect(off.passed).toEqual({ too_few_holders: 8 })
  expect(off.sites.every(({ sent }) => sent.at(-1)?.kind === 'reveal-shares')).toBe(true)
  expect(lanesRight(off.guess, off.truth)).toBe(0)
  rows.push({
    attack: 'the same, too_few_holders off as well',
    check: 't = ⌊(h + c)/2⌋ + 2',
    off: 'as above',
    on: `all reveal, one share short; ${recovered(off.guess, off.truth)}`,
  })
})
