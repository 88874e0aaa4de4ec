/**
 * What a site has decided for itself holds against a coordinator that says nothing but the truth: whom its policy permits,
 * how many must take part, whether it is in the plan at all, and that an update is masked once even with two sessions open.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { advertiseKeys } from '../../../participant/protocol/session.ts'
import type { ParticipantSetup } from '../../../participant/protocol/session-state.ts'
import {
  environmentOf,
  NOW_MS,
  openFederation,
  perform,
  type Site,
  setupOf,
  walkStage,
} from '../../protocol/federation.ts'
import { type Identities, makeIdentities } from '../../protocol/identities.ts'

const SIZE = 5
let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
})

/** A federation at stage 0 in which the third site has conditions of its own; the coordinator is honest. */
async function withConditions(conditions: (setup: ParticipantSetup) => Partial<ParticipantSetup>) {
  const federation = await openFederation({ size: SIZE, identities, parameterCount: 8 })
  const site = [...federation.sites.values()][2] as Site
  const setup = setupOf(federation, site)
  const entered = advertiseKeys({ ...setup, ...conditions(setup) }, environmentOf(federation, site))
  await perform(federation, site, entered)
  return { federation, site, sent: () => site.sent.map(({ kind }) => kind) }
}

test('a site that the plan does not enrol advertises nothing', async () => {
  const { site, sent } = await withConditions(({ enrolled, spiffeId }) => ({
    enrolled: enrolled.filter((id) => id !== spiffeId),
  }))
  expect(site.refusal?.code).toBe('not_enrolled')
  expect(sent()).toEqual(['withdraw'])
  expect(site.journal.facts).toEqual([])
})

describe('under a true roster that local policy does not accept nothing is dealt', () => {
  const cases: readonly [string, string, Partial<ParticipantSetup>][] = [
    ['a neighbour it does not permit', 'peer_not_permitted', { permitsPeer: (id) => id !== lastSite() }],
    ['fewer than its own minimum cohort', 'cohort_too_small', { minimumCohort: SIZE + 1 }],
  ]
  for (const [name, code, conditions] of cases) {
    test(name, async () => {
      const { federation, site, sent } = await withConditions(() => conditions)
      await walkStage(federation)
      await walkStage(federation)
      expect(site.refusal?.code).toBe(code)
      expect(sent()).not.toContain('share-keys')
      expect(site.journal.facts.map(({ kind }) => kind)).not.toContain('roster-accepted')
    })
  }
})

test('an update that another session has spent since is not masked again', async () => {
  const { federation, site, sent } = await withConditions(() => ({}))
  await walkStage(federation)
  await walkStage(federation)
  const { updateDigest } = setupOf(federation, site)
  site.journal.record({ kind: 'update-spent', sessionId: new Uint8Array(16), updateDigest })
  await walkStage(federation)
  expect(site.refusal?.code).toBe('update_spent')
  expect(sent()).not.toContain('contribution')
  expect(site.packed).toBeNull()
})

/** The SPIFFE ID of the last site. */
function lastSite(): string {
  return identities.sites[SIZE - 1]?.spiffeId ?? ''
}
