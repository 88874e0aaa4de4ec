/**
 * Lies about how many take part and how many shares rebuild a secret. Rows of the threat model: a smaller cohort than policy
 * allows, a lower t, a rule that is not in the plan; and a cohort of colluders with one victim. Sets only shrink after the
 * roster, so the same is asked of U2 and U3.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import type { ParticipantSetup } from '../../participant/protocol/session-state.ts'
import { isIn } from '../../shared/protocol/ascending.ts'
import { encodeBitmap } from '../../shared/protocol/bitmap.ts'
import {
  type AdversaryAssumptions,
  type SharingParameters,
  sharingParameters,
} from '../../shared/protocol/threshold.ts'
import { NOW_MS, openFederation, tell } from '../protocol/federation.ts'
import { type Identities, makeIdentities } from '../protocol/identities.ts'
import { entryBy, type FalseRoster, rosterOf } from './false-rosters.ts'
import { copyOf, enterWith, GRAPHS, type RecordedSession, recordSession, siteAt, truthFor } from './recorded-session.ts'
import { expectLeft, expectRefused, holdingsOf } from './what-left.ts'

const VICTIM = 3
let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(70, NOW_MS)
}, 240_000)
const first = (size: number) => ({ ...identities, sites: identities.sites.slice(0, size) })

/** A complete graph of `n` with any threshold the coordinator fancies. */
function complete(n: number, threshold: number): SharingParameters {
  const sizes = { participants: n, neighbours: n - 1, holders: n, corruptHolders: 0 }
  return { graph: 'complete', ...sizes, threshold, quorum: threshold }
}

describe.each(GRAPHS)(
  'coordinator lowers t or claims a threshold rule not in the plan, on the $name',
  ({ options }) => {
    let recorded: RecordedSession
    beforeAll(async () => {
      recorded = await recordSession({ ...options, identities: first(options.size) }, { last: 'share-keys' })
    }, 240_000)

    async function refuses(code: string, lie: (truth: FalseRoster) => FalseRoster) {
      const federation = recorded.at('share-keys')
      const victim = siteAt(federation, VICTIM)
      const held = holdingsOf(victim)
      await tell(federation, victim, lie(truthFor(federation, victim, 'share-keys')))
      expectRefused(victim, { code, left: 'keys', held })
    }

    test.each([-1, 1, -100])('t and %i', (more) =>
      refuses('no_parameters', (truth) => ({ ...truth, threshold: Math.max(1, truth.threshold + more) })),
    )

    /** Rules that other plans have. On the complete graph of so few they all come out the same. */
    const otherRules: readonly [string, Partial<AdversaryAssumptions>][] = [
      ['without colluders', { colluders: 0 }],
      ['with more colluders', { colluders: 4 }],
      ['that asks for the complete graph', { graph: 'complete' }],
    ]
    if (options.size > 64) {
      test.each(otherRules)('the rule of a plan %s', (_, changes) =>
        refuses('no_parameters', (truth) => {
          const { coordinator, context } = recorded.at('share-keys')
          if (coordinator.stage !== 'share-keys') throw new Error('stage 1')
          const parameters = sharingParameters(options.size, { ...context.assumptions, ...changes })
          expect(parameters.threshold).not.toBe(truth.threshold)
          const to = coordinator.roster.entries[VICTIM - 1]?.spiffeId ?? ''
          return rosterOf(coordinator.setup, coordinator.roster.entries, { to, parameters })
        }),
      )
    }

    test('fewer neighbours than the rule gives', () =>
      refuses('neighbours_disagree', (truth) => ({ ...truth, neighbours: truth.neighbours.slice(0, -2) })))
  },
)

/** Enters the third of ten sites under conditions of its own, and shows it a roster of these under any threshold. */
async function shown(indices: readonly number[], threshold: number, conditions: Partial<ParticipantSetup> = {}) {
  const federation = copyOf(
    await openFederation({ size: 10, gammaPpm: 200_000, identities: first(10), parameterCount: 8 }),
  )
  const victim = siteAt(federation, VICTIM)
  await enterWith(federation, victim, conditions)
  const { session } = victim
  if (session?.stage !== 'advertised') throw new Error('the victim has advertised')
  const { setup } = federation.coordinator
  const entries = indices.map((index) => {
    if (index === VICTIM) return session.advertisement
    return entryBy(first(10).sites[index - 1] as Identities['sites'][number], setup.contextDigest)
  })
  const held = holdingsOf(victim)
  const parameters = complete(indices.length, threshold)
  await tell(federation, victim, rosterOf(setup, entries, { to: victim.spiffeId, parameters }))
  return { federation, victim, held }
}

describe('coordinator admits only its colluders and one victim', () => {
  // Ten are enrolled and γ is a fifth: C is two, whoever is admitted.
  test('C is absolute: what suffices for three presumed honest of ten is refused with a member less', async () => {
    const { victim, held } = await shown([1, 2, 3, 4], 3)
    expectRefused(victim, { code: 'cohort_too_small', left: 'keys', held })
  })
  test('no parameters when a third may collude, however low the minimum', async () => {
    const { victim, held } = await shown([1, 2, 3, 4, 5, 6], 4, { minimumCohort: 2 })
    expectRefused(victim, { code: 'no_parameters', left: 'keys', held })
  })
  test('a cohort that is large enough is dealt under', async () => {
    const { victim } = await shown([1, 2, 3, 4, 5, 6, 7], 5)
    expect(victim.refusal).toBeNull()
    expectLeft(victim, 'deal')
  })
})

describe('coordinator shows a smaller cohort than policy allows', () => {
  const seven = [1, 2, 3, 4, 5, 6, 7]
  test('than the victim’s own policy, though the plan would', async () => {
    const { victim, held } = await shown(seven, 5, { minimumCohort: 6 })
    expectRefused(victim, { code: 'cohort_too_small', left: 'keys', held })
  })
  test('beside fewer colluders than its policy assumes: it does not even advertise keys', async () => {
    const federation = copyOf(await openFederation({ size: 10, gammaPpm: 200_000, identities: first(10) }))
    const victim = siteAt(federation, VICTIM)
    await enterWith(federation, victim, { minimumColluders: 3 })
    expectRefused(victim, { code: 'policy_colluders_too_few', left: 'nothing', held: holdingsOf(victim) })
  })
  test('with somebody whom its policy does not permit', async () => {
    const stranger = identities.sites[5]?.spiffeId
    const { victim, held } = await shown(seven, 5, { permitsPeer: (id) => id !== stranger })
    expectRefused(victim, { code: 'peer_not_permitted', left: 'keys', held })
  })
  test('in which a smaller part of the holders rebuilds a secret than its policy bears', async () => {
    const { victim, held } = await shown(seven, 5, { minimumThresholdFraction: 0.8 })
    expectRefused(victim, { code: 'policy_threshold_too_low', left: 'keys', held })
  })

  describe.each([
    ['U2', 'mask-input', 'deal'],
    ['U3', 'attest-survivors', 'masked input'],
  ] as const)('or lets %s shrink below it', (_, stage, left) => {
    let recorded: RecordedSession
    beforeAll(async () => {
      // Nine, of whom six presumed honest; of these, eight answer so far.
      recorded = await recordSession(
        { size: 10, gammaPpm: 100_000, identities: first(10), minimumCohort: 7 },
        { last: stage, weather: { up: (message, from) => message.kind !== 'share-keys' || from !== lastId() } },
      )
    }, 240_000)
    const lastId = () => identities.sites[9]?.spiffeId

    test('before anything more is sent', async () => {
      const federation = recorded.at(stage)
      const victim = siteAt(federation, VICTIM)
      const held = holdingsOf(victim)
      const few = [1, 2, 3, 4, 5, 6, 7]
      const bitmap = encodeBitmap(few, 10)
      if (stage === 'mask-input') {
        const { deals } = truthFor(federation, victim, 'mask-input')
        const shared = deals.filter(({ owner }) => isIn(few, owner))
        await tell(federation, victim, { kind: 'mask-input', shared: bitmap, deals: shared })
      } else await tell(federation, victim, { kind: 'attest-survivors', survivors: bitmap })
      expectRefused(victim, { code: 'cohort_too_small', left, held })
    })
  })
})
