/**
 * Lies about time: what was said in another session, asked a second time, or asked of an agent that has restarted. Rows of
 * the threat model: an old session's messages or keys, a session id used again, another survivor list after the first, an
 * update asked for again, and two sessions of one participant kept going. The journal is all that a restarted agent has.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Journal, openJournal } from '../../participant/journal.ts'
import { advertiseKeys, answerAfterRestart, leave, obey } from '../../participant/protocol/session.ts'
import type { ParticipantSetup, Stepped } from '../../participant/protocol/session-state.ts'
import { encodeBitmap } from '../../shared/protocol/bitmap.ts'
import { contextDigest } from '../../shared/protocol/context.ts'
import type { Instruction, ParticipantMessage } from '../../shared/protocol/messages.ts'
import { deliver, environmentOf, NOW_MS, setupOf, tell } from '../protocol/federation.ts'
import { type Identities, makeIdentities } from '../protocol/identities.ts'
import { type FalseRoster, forgedRoster } from './false-rosters.ts'
import {
  coordinatorAt,
  type RecordedSession,
  recordSession,
  STAGES,
  type Stage,
  siteAt,
  truthFor,
  type Watched,
} from './recorded-session.ts'
import { expectLeft, expectRefused, holdingsOf, sentBy, type WatchedSite } from './what-left.ts'

const [SIZE, OTHER, VICTIM] = [5, 1, 3]
let identities: Identities
/** Two honest sessions of the same sites, on the same model, in the same round. */
let earlier: RecordedSession
let later: RecordedSession
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
  earlier = await recordSession({ size: SIZE, identities })
  later = await recordSession({ size: SIZE, identities })
}, 240_000)

const all = (size = SIZE) =>
  encodeBitmap(
    Array.from({ length: size }, (_, place) => place + 1),
    SIZE,
  )
const idOf = (site: WatchedSite) => {
  const [opened] = site.journal.facts
  if (opened?.kind !== 'session-opened') throw new Error('the site has entered')
  return opened.sessionId
}

describe('coordinator replays an old session’s messages or keys, or reuses a session id', () => {
  async function refuses(
    stage: Stage,
    expected: { code: string; left: 'keys' | 'deal' | 'masked input' | 'attestation' },
    lie: (federation: Watched, victim: WatchedSite) => Instruction,
  ) {
    const federation = later.at(stage)
    const victim = siteAt(federation, VICTIM)
    const held = holdingsOf(victim)
    await tell(federation, victim, lie(federation, victim))
    expectRefused(victim, { ...expected, held })
  }
  const old = <S extends Stage>(stage: S) => {
    const federation = earlier.at(stage)
    return truthFor(federation, siteAt(federation, VICTIM), stage)
  }

  test('keys that a neighbour advertised in the old session', () =>
    refuses('share-keys', { code: 'bad_signature', left: 'keys' }, (federation, victim) => {
      const entry = (old('share-keys') as FalseRoster).neighbours.find(({ index }) => index === OTHER)?.entry
      if (entry === undefined) throw new Error('a neighbour in both sessions')
      return forgedRoster(federation, victim, () => ({ [OTHER]: entry }))
    }))
  test('the whole old roster', () =>
    refuses('share-keys', { code: 'roster_disagrees', left: 'keys' }, () => old('share-keys')))
  test('what was dealt in the old session', () =>
    refuses('mask-input', { code: 'bad_signature', left: 'deal' }, () => old('mask-input')))
  test('the old certificate, over the very same lists', () =>
    refuses('reveal-shares', { code: 'bad_quorum_certificate', left: 'attestation' }, () => old('reveal-shares')))

  test('an honest coordinator takes none of them from a participant either', async () => {
    for (const stage of STAGES.slice(0, 4)) {
      const federation = later.at(stage)
      const site = siteAt(federation, VICTIM)
      const next = STAGES[STAGES.indexOf(stage) + 1] as Stage
      const before = siteAt(earlier.at(next), VICTIM)
      const said = sentBy(before).at(-1) as ParticipantMessage
      expect(said.kind).toBe(stage === 'mask-input' ? 'contribution' : stage)
      site.packed = before.packed
      const { coordinator } = federation
      expect(deliver(federation, site, said)).toBe(false)
      if (coordinator.stage !== federation.coordinator.stage) throw new Error('the session has moved')
      expect('awaited' in federation.coordinator && federation.coordinator.awaited.has(site.spiffeId)).toBe(true)
    }
  })

  test.each([{}, { modelDigest: new Uint8Array(32).fill(9) }, { planDigest: new Uint8Array(32).fill(9), round: 2 }])(
    'the id of the old session, now about %o',
    (change) => {
      const federation = later.at('reveal-shares')
      const victim = siteAt(federation, VICTIM)
      const context = { ...federation.context, ...change }
      const again = {
        ...setupOf(federation, victim, context),
        contextDigest: contextDigest(context),
        updateDigest: new Uint8Array(32),
      }
      expectTurnedAway(advertiseKeys(again, environmentOf(federation, victim)), 'session_known')
    },
  )
})

describe('coordinator asks again with another survivor list, also after the agent restarted', () => {
  const fewer = all(SIZE - 1)
  const otherLists: readonly [
    string,
    Stage,
    'attestation' | 'reveal',
    (victim: WatchedSite, federation: Watched) => Instruction,
    string,
  ][] = [
    [
      'before it revealed',
      'reveal-shares',
      'attestation',
      () => ({ kind: 'attest-survivors', survivors: fewer }),
      'another_survivor_set',
    ],
    [
      'in a certificate',
      'reveal-shares',
      'attestation',
      (victim, federation) => {
        const { certificate } = truthFor(federation, victim, 'reveal-shares')
        return { kind: 'reveal-shares', certificate: { ...certificate, survivors: fewer } }
      },
      'another_survivor_set',
    ],
  ]
  test.each(otherLists)('%s', async (_, stage, left, lie, code) => {
    const federation = later.at(stage)
    const victim = siteAt(federation, VICTIM)
    const held = holdingsOf(victim)
    await tell(federation, victim, lie(victim, federation))
    expectRefused(victim, { code, left, held })
  })

  test.each([
    ['another list', () => ({ kind: 'attest-survivors', survivors: fewer }) as const, 'another_survivor_set'],
    [
      'another certificate over the same lists',
      (truth: Extract<Instruction, { kind: 'reveal-shares' }>) => ({
        ...truth,
        certificate: { ...truth.certificate, signatures: truth.certificate.signatures.slice(1) },
      }),
      'already_answered',
    ],
  ] as const)('when it has revealed: %s', async (_, lie, code) => {
    const federation = later.at('reveal-shares')
    const victim = siteAt(federation, VICTIM)
    const truth = truthFor(federation, victim, 'reveal-shares')
    await tell(federation, victim, truth)
    const held = holdingsOf(victim)
    await tell(federation, victim, lie(truth))
    expectRefused(victim, { code, left: 'reveal', held })
    expect(sentBy(victim).filter(({ kind }) => kind === 'reveal-shares')).toHaveLength(1)
  })

  test('after a restart, in whichever stage: no request but the one answered gets anything', async () => {
    for (const stage of STAGES.slice(1)) {
      const federation = later.at(stage)
      const victim = siteAt(federation, VICTIM)
      const truth = truthFor(federation, victim, stage)
      const lists = { kind: 'attest-survivors', survivors: fewer } as const
      for (const instruction of [truth, lists, { kind: 'advertise-keys' } as const]) {
        expectTurnedAway(answerAfterRestart(victim.journal, idOf(victim), instruction), 'session_known')
      }
    }
    const federation = later.at('reveal-shares')
    const victim = siteAt(federation, VICTIM)
    const truth = truthFor(federation, victim, 'reveal-shares')
    await tell(federation, victim, truth)
    const reply = sentBy(victim).at(-1)
    expect(answerAfterRestart(victim.journal, idOf(victim), truth).effects).toEqual([{ kind: 'send', message: reply }])
    const { certificate } = truth
    for (const change of [{ survivors: fewer }, { shared: fewer }, { signatures: certificate.signatures.slice(1) }]) {
      const other = { ...truth, certificate: { ...certificate, ...change } }
      expectTurnedAway(answerAfterRestart(victim.journal, idOf(victim), other), 'session_known')
    }
  })
})

describe('coordinator stalls or claims failure once masked bytes may have left, and asks for the same update again', () => {
  /** What the site, restarted, does when it is asked into a fresh session; its journal is all it has kept. */
  function askedAgain(change: Partial<ParticipantSetup>, stage: Stage = 'attest-survivors') {
    const federation = later.at(stage)
    const victim = siteAt(federation, VICTIM)
    const context = { ...federation.context, sessionId: new Uint8Array(16).fill(7) }
    const setup = { ...setupOf(federation, victim, context), ...change }
    return advertiseKeys(setup, environmentOf(federation, victim))
  }
  const another = { updateDigest: new Uint8Array(32).fill(5) }

  test('the same update: spent, whether or not a byte of it left', () => {
    expectTurnedAway(askedAgain({}), 'update_spent')
    expectTurnedAway(askedAgain({ sessionsPerModel: 10 }), 'update_spent')
  })
  test('control: before it was masked it may be asked for again', () => {
    expect(askedAgain({}, 'mask-input').session.stage).toBe('advertised')
  })
  test('another update on the same model: as often as local policy says', () => {
    expect(askedAgain(another).session.stage).toBe('advertised')
    expectTurnedAway(askedAgain({ ...another, sessionsPerModel: 1 }), 'too_many_sessions')
  })
  test('the same model under another name, in the same round of the plan', () => {
    const federation = later.at('attest-survivors')
    const context = {
      ...federation.context,
      sessionId: new Uint8Array(16).fill(7),
      modelDigest: new Uint8Array(32).fill(8),
    }
    expectTurnedAway(
      askedAgain({ ...another, context, contextDigest: contextDigest(context), sessionsPerModel: 1 }),
      'too_many_sessions',
    )
  })
  test('anything at all, more often a day than local policy says', () => {
    expectTurnedAway(askedAgain({ ...another, roundsPerDay: 1 }), 'too_many_rounds_today')
  })
  test('an update that an overtaken session has spent meanwhile, in the very last moment', async () => {
    const federation = later.at('mask-input')
    const victim = siteAt(federation, VICTIM)
    const held = holdingsOf(victim)
    const { updateDigest } = setupOf(federation, victim)
    victim.journal.facts.push({ kind: 'update-spent', sessionId: new Uint8Array(16), updateDigest })
    await tell(federation, victim, truthFor(federation, victim, 'mask-input'))
    expectRefused(victim, { code: 'update_spent', left: 'deal', held })
  })
})

describe('coordinator keeps two sessions of one participant going', () => {
  const folder = mkdtempSync(join(tmpdir(), 'two-sessions-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  /** Carries effects out on the journal on disk, as an agent does; what was sent until one of them failed. */
  function carryOut(journal: Journal, { effects }: Stepped): { readonly sent: string[]; readonly failed: boolean } {
    const sent: string[] = []
    try {
      for (const effect of effects) {
        if (effect.kind === 'record') journal.record(effect.fact)
        if (effect.kind === 'send') sent.push(effect.message.kind)
      }
      return { sent, failed: false }
    } catch {
      return { sent, failed: true }
    }
  }

  test.each(STAGES.slice(1))('entering another abandons the first, durably: in %s it says nothing more', (stage) => {
    const path = join(folder, `${stage}.sqlite`)
    const journal = openJournal(path)
    const federation = later.at(stage)
    const victim = siteAt(federation, VICTIM)
    for (const fact of victim.journal.facts) journal.record(fact)
    const environment = { ...environmentOf(federation, victim), journal }
    const context = { ...federation.context, sessionId: new Uint8Array(16).fill(7) }
    const other = { ...setupOf(federation, victim, context), updateDigest: new Uint8Array(32).fill(5) }
    expect(carryOut(journal, advertiseKeys(other, environment))).toEqual({ sent: ['advertise-keys'], failed: false })
    if (victim.session === null) throw new Error('the first session is live')
    const first = obey(victim.session, truthFor(federation, victim, stage), environment)
    expect(carryOut(journal, first)).toEqual({ sent: [], failed: true })
    // The agent leaves it, and after a restart knows it only by its id.
    expect(carryOut(journal, leave(victim.session, 'another session'))).toMatchObject({ sent: ['withdraw'] })
    journal.close()
    const reopened = openJournal(path)
    const asked = answerAfterRestart(reopened, idOf(victim), truthFor(federation, victim, stage))
    reopened.close()
    expectTurnedAway(asked, 'session_known')
    expectLeft(
      victim,
      stage === 'share-keys'
        ? 'keys'
        : stage === 'mask-input'
          ? 'deal'
          : stage === 'attest-survivors'
            ? 'masked input'
            : 'attestation',
    )
  })
})

/** Nothing but a goodbye leaves, and nothing is recorded. */
function expectTurnedAway({ effects }: Stepped, code: string): void {
  const [goodbye, ...others] = effects
  expect(goodbye).toMatchObject({ kind: 'send', message: { kind: 'withdraw', code } })
  expect(others.filter(({ kind }) => kind !== 'over')).toEqual([])
}

/** The coordinator's state is that of the stage: recorded sessions are honest. */
test('control: both sessions went their way', () => {
  for (const session of [earlier, later])
    expect(coordinatorAt(session.at('reveal-shares'), 'reveal-shares').survivors).toHaveLength(SIZE)
})
