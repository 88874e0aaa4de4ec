/**
 * Lies about who takes part and with which keys. Rows of the threat model: substituted keys, Sybils and one certificate
 * twice, another model or plan, the coordinator's own signing keys beside true hashes, a trust bundle handed over, many
 * rosters tried, and a participant under another's name. The victim deals nothing; the coordinator's core admits nothing.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { obey } from '../../participant/protocol/session.ts'
import { generateSigningKey } from '../../shared/crypto/signatures.ts'
import { contextDigest } from '../../shared/protocol/context.ts'
import type { RosterEntry } from '../../shared/protocol/roster.ts'
import { environmentOf, NOW_MS, perform, tell } from '../protocol/federation.ts'
import { type Identities, makeIdentities, type SiteIdentity } from '../protocol/identities.ts'
import { entryBy, type FalseRoster, forgedRoster, rosterOf } from './false-rosters.ts'
import {
  coordinatorAt,
  enterWith,
  GRAPHS,
  type RecordedSession,
  recordSession,
  siteAt,
  truthFor,
} from './recorded-session.ts'
import { expectLeft, expectRefused, holdingsOf } from './what-left.ts'

const [TARGET, VICTIM, COLLUDER] = [1, 3, 9]
let identities: Identities
/** Another authority that calls itself by the same trust domain: the coordinator's own. */
let forged: Identities
beforeAll(async () => {
  identities = await makeIdentities(71, NOW_MS)
  forged = await makeIdentities(4, NOW_MS)
}, 240_000)

describe.each(GRAPHS)('on the $name', ({ options }) => {
  let recorded: RecordedSession
  beforeAll(async () => {
    const enrolled = { ...identities, sites: identities.sites.slice(0, options.size) }
    recorded = await recordSession({ ...options, identities: enrolled }, { last: 'share-keys' })
  }, 240_000)

  /** Shows one participant what `lie` makes of its roster; it has to refuse with `code`, having advertised keys only. */
  async function refuses(
    code: string,
    lie: (truth: FalseRoster, scene: Scene) => FalseRoster,
    scene = sceneOf(VICTIM),
  ) {
    const { federation, victim } = scene
    const held = holdingsOf(victim)
    await tell(federation, victim, lie(truthFor(federation, victim, 'share-keys'), scene))
    expectRefused(victim, { code, left: 'keys', held })
  }
  /** The same with entries of the coordinator's own making at two places of the roster. */
  const refusesForged = (code: string, forge: (digest: Uint8Array) => Readonly<Record<number, RosterEntry>>) =>
    refuses(code, (_, { federation, victim }) =>
      forgedRoster(federation, victim, () => forge(federation.coordinator.setup.contextDigest)),
    )

  function sceneOf(index: number) {
    const federation = recorded.at('share-keys')
    return { federation, victim: siteAt(federation, index) }
  }
  type Scene = ReturnType<typeof sceneOf>
  const identityAt = (index: number) => identities.sites[index - 1] as SiteIdentity
  const idAt = (index: number) => ({ spiffeId: identityAt(index).spiffeId })
  const honestEntry = (index: number) =>
    coordinatorAt(recorded.at('share-keys'), 'share-keys').roster.entries[index - 1]

  test('control: the true roster is dealt under, once', async () => {
    const { federation, victim } = sceneOf(VICTIM)
    const truth = truthFor(federation, victim, 'share-keys')
    expect(truth.neighbours).toHaveLength(options.size > 64 ? 64 : options.size - 1)
    await tell(federation, victim, truth)
    await tell(federation, victim, truth)
    expect(victim.refusal).toBeNull()
    expectLeft(victim, 'deal')
  })

  describe('coordinator substitutes a participant’s advertised keys', () => {
    test.each(['channelKey', 'maskKey', 'signingKey'] as const)('its %s alone', (key) =>
      refusesForged('bad_signature', (digest) => {
        const honest = honestEntry(TARGET) as RosterEntry
        return { [TARGET]: { ...honest, [key]: entryBy(identityAt(TARGET), digest)[key] } }
      }),
    )
    test('all of them, signed by a colluder in its name', () =>
      refusesForged('bad_signature', (digest) => {
        const { certificateChain } = identityAt(TARGET)
        return { [TARGET]: entryBy(identityAt(COLLUDER), digest, { ...idAt(TARGET), certificateChain }) }
      }))
    test('all of them, signed by a colluder with its own certificate', () =>
      refusesForged('identity_mismatch', (digest) => ({
        [TARGET]: entryBy(identityAt(COLLUDER), digest, idAt(TARGET)),
      })))
    test('shown to all: it finds another line in its own place, its neighbours find the signature wrong', async () => {
      const { setup, roster } = coordinatorAt(recorded.at('share-keys'), 'share-keys')
      const { maskKey } = entryBy(identityAt(1), setup.contextDigest)
      const entries = roster.entries.map((entry, place) => (place === 0 ? { ...entry, maskKey } : entry))
      const lie = (_: FalseRoster, { victim }: Scene) =>
        rosterOf(setup, entries, { to: victim.spiffeId, parameters: roster.parameters })
      const scene = sceneOf(1)
      await refuses('roster_disagrees', lie, scene)
      for (const { index } of lie({} as FalseRoster, scene).neighbours.slice(0, 4)) {
        await refuses('bad_signature', lie, sceneOf(index))
      }
    })
  })

  describe('coordinator adds Sybils without certificates / one certificate twice', () => {
    test('no certificate', () =>
      refusesForged('certificate_refused', (digest) => ({
        [TARGET]: entryBy(identityAt(TARGET), digest, { certificateChain: [] }),
      })))
    test('a certificate of the coordinator’s own authority', () =>
      refusesForged('certificate_refused', (digest) => ({ [TARGET]: entryBy(sybil(), digest, idAt(TARGET)) })))
    test('a certificate of the trust domain that the plan does not enrol', () =>
      refusesForged('roster_disagrees', (digest) => ({
        [options.size]: entryBy(identityAt(options.size + 1), digest),
      })))
    test('one certificate in two places', () =>
      refusesForged('roster_disagrees', (digest) => ({
        [TARGET]: entryBy(identityAt(TARGET), digest),
        [TARGET + 1]: entryBy(identityAt(TARGET), digest),
      })))
    test('one certificate under two names', () =>
      refusesForged('identity_mismatch', (digest) => ({
        [TARGET + 1]: entryBy(identityAt(TARGET), digest, idAt(TARGET + 1)),
      })))
    test('one line twice', () =>
      refuses('key_reused', (truth) => ({
        ...truth,
        lines: truth.lines.map((line, place) =>
          place === 0 ? { ...(truth.lines.at(-1) ?? line), enrolment: 1 } : line,
        ),
      })))
    // A colluder can sign two advertisements: a victim that is not the neighbour of both would find nothing wrong with either.
    test('one of the enrolled on two lines, whether or not the victim sees them', () =>
      refuses('roster_disagrees', (truth) => ({
        ...truth,
        lines: truth.lines.map((line, place) =>
          place === COLLUDER ? { ...line, enrolment: truth.lines[COLLUDER - 1]?.enrolment ?? 0 } : line,
        ),
      })))
    test('a colluder’s second advertisement on the line of another', () =>
      refusesForged('roster_disagrees', (digest) => ({ [TARGET]: entryBy(identityAt(COLLUDER), digest) })))
    test('a line of nobody who is enrolled', () =>
      refuses('roster_disagrees', (truth) => ({
        ...truth,
        lines: truth.lines.map((line, place) =>
          place === truth.lines.length - 1 ? { ...line, enrolment: truth.lines.length + 1 } : line,
        ),
      })))
    test('more lines than there are enrolled', () =>
      refuses('cohort_too_large', (truth) => ({
        ...truth,
        lines: [
          ...truth.lines,
          {
            enrolment: truth.lines.length + 1,
            signingKey: generateSigningKey().publicKey,
            entryHash: new Uint8Array(32),
          },
        ],
      })))
    test('one key in two entries', () =>
      refusesForged('key_reused', (digest) => {
        const first = entryBy(identityAt(TARGET), digest)
        const { maskKey } = first
        return { [TARGET]: first, [TARGET + 1]: entryBy(identityAt(TARGET + 1), digest, { maskKey }) }
      }))
    test('keys that agree on the same secret with everybody', () =>
      refusesForged('unacceptable_key', (digest) => ({
        [TARGET]: entryBy(identityAt(TARGET), digest, { maskKey: new Uint8Array(32) }),
      })))
  })

  describe('coordinator sends victim another global model or plan (model inconsistency)', () => {
    for (const what of ['modelDigest', 'planDigest'] as const) {
      test(`another ${what}: no neighbour accepts its keys, it accepts nobody’s`, async () => {
        const before = recorded.at('advertise-keys')
        const victim = siteAt(before, VICTIM)
        const context = { ...before.context, [what]: new Uint8Array(32).fill(7) }
        await enterWith(before, victim, { context, contextDigest: contextDigest(context) })
        const advertised = victim.sent.find((message) => message.kind === 'advertise-keys')
        if (advertised?.kind !== 'advertise-keys') throw new Error('the victim has advertised')
        // An honest coordinator does not take these keys either.
        expect(coordinatorAt(before, 'advertise-keys').entries.has(victim.spiffeId)).toBe(false)

        const { setup, roster } = coordinatorAt(recorded.at('share-keys'), 'share-keys')
        const entries = roster.entries.map((entry, place) => (place === VICTIM - 1 ? advertised.entry : entry))
        const shownTo = (to: string) => rosterOf(setup, entries, { to, parameters: roster.parameters })
        const { neighbours } = shownTo(victim.spiffeId)
        for (const { index } of neighbours.slice(0, 4)) {
          await refuses('bad_signature', (_, { victim: { spiffeId } }) => shownTo(spiffeId), sceneOf(index))
        }
        // To the victim the coordinator shows what it would have computed itself: its own context.
        const held = holdingsOf(victim)
        const ownContext = { contextDigest: contextDigest(context), enrolled: setup.enrolled }
        const { spiffeId } = victim
        await tell(before, victim, rosterOf(ownContext, entries, { to: spiffeId, parameters: roster.parameters }))
        expectRefused(victim, { code: 'bad_signature', left: 'keys', held })
      })
    }
  })

  describe('coordinator shows true entry hashes with its own v_pk', () => {
    // Among lines of non-neighbours nobody can see it at once: see own-signing-keys.test.ts.
    const withSigningKey = (truth: FalseRoster, index: number): FalseRoster => {
      const { publicKey: signingKey } = generateSigningKey()
      const lines = truth.lines.map((line, place) => (place === index - 1 ? { ...line, signingKey } : line))
      return { ...truth, lines }
    }
    test('of the victim itself', () => refuses('roster_disagrees', (truth) => withSigningKey(truth, VICTIM)))
    test('of a neighbour, whose entry tells otherwise', () =>
      refuses('roster_disagrees', (_, { federation, victim }) => {
        const { setup, roster } = coordinatorAt(federation, 'share-keys')
        for (;;) {
          const lines = withSigningKey(truthFor(federation, victim, 'share-keys'), TARGET).lines
          const shown = rosterOf(setup, roster.entries, { to: victim.spiffeId, parameters: roster.parameters, lines })
          if (shown.neighbours.some(({ index }) => index === TARGET)) return shown
        }
      }))
  })

  describe('coordinator tries many rosters to find a bad graph', () => {
    test('a roster that comes when the admission window has closed', async () => {
      const { federation, victim } = sceneOf(VICTIM)
      const held = holdingsOf(victim)
      const { session } = victim
      if (session?.stage !== 'advertised') throw new Error('stage 1')
      const late = environmentOf(federation, victim, NOW_MS + session.setup.admissionWindowMs)
      await perform(federation, victim, obey(session, truthFor(federation, victim, 'share-keys'), late))
      expectRefused(victim, { code: 'stage_1_too_late', left: 'keys', held })
    })
    test('keys gathered for it since long before', () =>
      refusesForged('advertised_too_early_or_late', (digest) => ({
        [TARGET]: entryBy(identityAt(TARGET), digest, { advertisedAtMs: NOW_MS - 700_000 }),
      })))
    test('neighbours of its own choice', () =>
      refuses('neighbours_disagree', (truth) => ({ ...truth, neighbours: truth.neighbours.slice(1) })))
    test('another roster when the first is dealt under', async () => {
      const { federation, victim } = sceneOf(VICTIM)
      await tell(federation, victim, truthFor(federation, victim, 'share-keys'))
      const held = holdingsOf(victim)
      const { contextDigest: digest } = federation.coordinator.setup
      const other = forgedRoster(federation, victim, () => ({ [TARGET]: entryBy(identityAt(TARGET), digest) }))
      await tell(federation, victim, other)
      expectRefused(victim, { code: 'another_roster', left: 'deal', held })
    })
  })

  test('coordinator hands a site a trust bundle: an authority beside the certificate it issued is not believed', () =>
    refusesForged('certificate_refused', (digest) => {
      const certificateChain = [...sybil().certificateChain, ...forged.bundle.authorities]
      return { [TARGET]: entryBy(sybil(), digest, { ...idAt(TARGET), certificateChain }) }
    }))
})

/** An identity issued by the coordinator's own authority. */
function sybil(): SiteIdentity {
  const [first] = forged.sites
  if (first === undefined) throw new Error('one identity was forged')
  return first
}

test('coordinator hands a site a trust bundle: no message has room for one', () => {
  const folder = join(import.meta.dirname, '../../proto/blindsum/v1')
  const fields = readdirSync(folder).flatMap((file) =>
    [...readFileSync(join(folder, file), 'utf8').matchAll(/^\s+(?:repeated |optional )?[\w.]+ (\w+) = \d+;/gm)].map(
      ([, name = '']) => name,
    ),
  )
  expect(fields).toContain('certificate_chain')
  expect(fields.filter((name) => /bundle|authorit|root_cert|trust/.test(name))).toEqual([])
})
