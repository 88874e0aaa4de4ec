/**
 * The coordinator's-own-v_pk attack. Everybody sees the entries of its neighbours, and of all others one line: an entry hash,
 * which it cannot open, and a signing key. The coordinator leaves the hashes as they are and puts keys of its own into the
 * lines of strangers; these are more than a quorum, so it can certify any list of survivors to anybody, and cuts an arc off the
 * ring with lists of everybody's own. Every refusal is on.
 *
 * Off: the signing keys in the leaves of the roster digest. Without them all rosters have one digest, whatever keys they show.
 */
import { beforeAll, expect, test, vi } from 'vitest'
import { encodeBitmap } from '../../shared/protocol/bitmap.ts'
import { dealFor } from '../../shared/protocol/deal.ts'
import { NOW_MS, tell } from '../protocol/federation.ts'
import { type Identities, makeIdentities } from '../protocol/identities.ts'
import { type AttackRow, recovered, refused, showAttacks } from './attack-table.ts'
import { leaveKeysOut } from './keyless-digest.ts'
import { groundRoster, keysFor, linesWith, rosterFromLines, strangersOf } from './own-keys.ts'
import { attackWithOwnKeys } from './own-keys-attack.ts'
import { coordinatorAt, recordSession, siteAt, type Watched } from './recorded-session.ts'
import { recoverSum, spoilsOf } from './recovery.ts'
import { expectRefused, holdingsOf } from './what-left.ts'

vi.mock('../../shared/protocol/roster.ts', async (original) =>
  (await import('./keyless-digest.ts')).digestsWithoutKeys(await original()),
)
vi.mock('../../shared/protocol/threshold.ts', async (original) =>
  (await import('./small-ring.ts')).inMiniature(await original()),
)

const SIZE = 28
const VICTIM = 11
const EVERYBODY = Array.from({ length: SIZE }, (_, place) => place + 1)
const CHECK = 'v_pk in the roster’s leaves'
const rows: AttackRow[] = []
showAttacks(
  `Own signing keys: ${SIZE} participants on a ring of 12 neighbours, keys of the coordinator’s in strangers’ lines`,
  rows,
)

let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
})

/** Everybody has advertised; the coordinator has made its roster by the digest in force. */
async function advertised({ withKeys }: { readonly withKeys: boolean }): Promise<Watched> {
  leaveKeysOut(!withKeys)
  const options = { size: SIZE, identities, parameterCount: 24, modulusBits: 32 }
  return (await recordSession(options, { last: 'share-keys' })).at('share-keys')
}

test.each([
  { name: 'one participant', length: 1 },
  { name: 'an arc of three', length: 3 },
])('off, $name: exactly, by certificates that verify; on: nobody deals', async ({ name, length }) => {
  const off = await attackWithOwnKeys(await advertised({ withKeys: false }), VICTIM, length)
  expect(off.sites.filter(({ refusal }) => refusal !== null)).toEqual([])
  expect(off.sites.every(({ sent }) => sent.at(-1)?.kind === 'reveal-shares')).toBe(true)
  expect(off.guess).toEqual(off.truth)

  const federation = await advertised({ withKeys: true })
  const held = EVERYBODY.map((index) => holdingsOf(siteAt(federation, index)))
  const on = await attackWithOwnKeys(federation, VICTIM, length)
  for (const [place, site] of on.sites.entries()) {
    expectRefused(site, { code: 'neighbours_disagree', left: 'keys', held: held[place]! })
  }
  expect(on.guess).toBeNull()
  const attack = `${name}, all ${strangersOf(on.roster, VICTIM).size} strangers’ lines`
  const result = `${refused(on.sites)}; ${recovered(on.guess, on.truth)}`
  rows.push({ attack, check: CHECK, off: recovered(off.guess, off.truth), on: result })
})

test('on, with the neighbours that the forged lines lead to: among them is somebody whose entry has another key', async () => {
  const federation = await advertised({ withKeys: true })
  const { roster } = coordinatorAt(federation, 'share-keys')
  const keys = keysFor(EVERYBODY)
  for (const index of EVERYBODY) {
    const site = siteAt(federation, index)
    const held = holdingsOf(site)
    const lines = linesWith(roster, keys, strangersOf(roster, index))
    await tell(federation, site, rosterFromLines(roster, index, lines))
    expectRefused(site, { code: 'roster_disagrees', left: 'keys', held })
  }
  const on = `${refused([...federation.sites.values()])}; no masked byte left`
  rows.push({ attack: 'the same, neighbours by the moved ring', check: CHECK, off: 'as above', on })
})

test('on, with keys tried until the ring hides three forged lines: everybody deals, under a digest nobody else has', async () => {
  const federation = await advertised({ withKeys: true })
  const { roster } = coordinatorAt(federation, 'share-keys')
  const shown = new Map(EVERYBODY.map((index) => [index, groundRoster(roster, index, 3)]))
  for (const [index, instruction] of shown) await tell(federation, siteAt(federation, index), instruction)
  const deals = new Map(
    EVERYBODY.map((index) => {
      const dealt = siteAt(federation, index).sent.at(-1)
      if (dealt?.kind !== 'share-keys') throw new Error('everybody has dealt')
      return [index, dealt.deal]
    }),
  )
  const digests = EVERYBODY.map((index) => siteAt(federation, index).journal.facts.at(-1))
  expect(new Set(digests.map((fact) => fact?.kind === 'roster-accepted' && String(fact.rosterDigest))).size).toBe(SIZE)
  const shared = encodeBitmap(EVERYBODY, SIZE)
  for (const [index, { neighbours }] of shown) {
    const site = siteAt(federation, index)
    const held = holdingsOf(site)
    const parts = neighbours.map(({ index: owner }) => {
      const deal = deals.get(owner)
      // Who is not a neighbour on the owner's ring was dealt nothing: what somebody else was dealt stands in.
      const part = deal && (dealFor(deal, index) ?? dealFor(deal, deal.ciphertexts[0]?.holder ?? 0))
      if (!part) throw new Error('everybody has dealt to somebody')
      return part
    })
    await tell(federation, site, { kind: 'mask-input', shared, deals: parts })
    expectRefused(site, { code: 'bad_signature', left: 'deal', held })
  }
  expect(await recoverSum(spoilsOf(federation, roster), { members: [VICTIM], shared: EVERYBODY })).toBeNull()
  const on = `${refused([...federation.sites.values()])}; no masked byte left`
  rows.push({ attack: 'three lines, a ring that hides them', check: CHECK, off: 'as above', on })
})
