/**
 * The coordinator's-own-v_pk attack, as in own-signing-keys.test.ts, under the real rule: 130 participants are the fewest for
 * which strangers on a ring of 64 neighbours, and whoever is deceived, make a quorum.
 */
import { beforeAll, expect, test, vi } from 'vitest'
import { NOW_MS } from '../protocol/federation.ts'
import { type Identities, makeIdentities } from '../protocol/identities.ts'
import { type AttackRow, recovered, refused, showAttacks } from './attack-table.ts'
import { leaveKeysOut } from './keyless-digest.ts'
import { attackWithOwnKeys } from './own-keys-attack.ts'
import { recordSession, siteAt, type Watched } from './recorded-session.ts'
import { expectRefused, holdingsOf } from './what-left.ts'

vi.mock('../../shared/protocol/roster.ts', async (original) =>
  (await import('./keyless-digest.ts')).digestsWithoutKeys(await original()),
)

const SIZE = 130
const VICTIM = 11
const rows: AttackRow[] = []
showAttacks(`Own signing keys: ${SIZE} participants on a ring of 64 neighbours`, rows)

let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
})

async function advertised({ withKeys }: { readonly withKeys: boolean }): Promise<Watched> {
  leaveKeysOut(!withKeys)
  const options = { size: SIZE, identities, parameterCount: 24, modulusBits: 32 }
  return (await recordSession(options, { last: 'share-keys' })).at('share-keys')
}

test('off: the input of one participant, exactly; on: nobody deals', { timeout: 600_000 }, async () => {
  const off = await attackWithOwnKeys(await advertised({ withKeys: false }), VICTIM, 1)
  expect(off.roster.parameters).toMatchObject({ neighbours: 64, threshold: 34, quorum: 66 })
  expect(off.sites.filter(({ refusal }) => refusal !== null)).toEqual([])
  expect(off.guess).toEqual(off.truth)

  const federation = await advertised({ withKeys: true })
  const held = off.sites.map((_, place) => holdingsOf(siteAt(federation, place + 1)))
  const on = await attackWithOwnKeys(federation, VICTIM, 1)
  for (const [place, site] of on.sites.entries()) {
    expectRefused(site, { code: 'neighbours_disagree', left: 'keys', held: held[place]! })
  }
  expect(on.guess).toBeNull()
  rows.push({
    attack: 'one participant, all 65 strangers’ lines',
    check: 'v_pk in the roster’s leaves',
    off: recovered(off.guess, off.truth),
    on: `${refused(on.sites)}; ${recovered(on.guess, on.truth)}`,
  })
})
