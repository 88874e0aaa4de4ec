/**
 * The two-rosters attack. One session id, two rosters with nobody in common but the victim. Under the first it masks, survives,
 * and its neighbours reveal the shares of its self mask seed. Under the second it only deals, falls silent, and the others
 * reveal the shares of its mask key, the same under both: every pairwise mask of the first roster follows. All others take part
 * in one honest session each, every check on, led by the project's own coordinator.
 *
 * Off: the victim does not remember that it has dealt; the state from before its deal hears the second roster. No refusal is
 * switched off: the check (`another_roster`) is that memory.
 */
import { beforeAll, expect, test } from 'vitest'
import { openSession } from '../../coordinator/protocol/session.ts'
import { answerAfterRestart } from '../../participant/protocol/session.ts'
import { contextDigest } from '../../shared/protocol/context.ts'
import { deliver, outcomeOf, tell, walkStage } from '../protocol/federation.ts'
import { type AttackRow, lanesRight, recovered, refused, showAttacks } from './attack-table.ts'
import {
  coordinatorAt,
  copyOf,
  type RecordedSession,
  recordSession,
  siteAt,
  truthFor,
  type Watched,
} from './recorded-session.ts'
import { recoverSum, secretOf, spoilsOf, trueSum } from './recovery.ts'
import { expectRefused, holdingsOf, type WatchedSite } from './what-left.ts'

const VICTIM = 5
const FIRST = [1, 2, 3, 4, VICTIM]
const SECOND = [VICTIM, 6, 7, 8, 9]
const rows: AttackRow[] = []
showAttacks('Two rosters: a victim that is asked to deal twice in one session', rows)

let enrolled: RecordedSession
beforeAll(async () => {
  enrolled = await recordSession({ size: 9, parameterCount: 24, modulusBits: 32 }, { last: 'share-keys' })
})

/** The coordinator's session with a part of those who advertised, in stage 1. */
async function sessionWith(everybody: Watched, indices: readonly number[]): Promise<Watched> {
  const sites = new Map(indices.map((index) => siteAt(everybody, index)).map((site) => [site.spiffeId, site]))
  const { context } = everybody
  const setup = {
    context,
    contextDigest: contextDigest(context),
    enrolled: everybody.coordinator.setup.enrolled,
    expected: new Set(sites.keys()),
    targetCohort: sites.size,
  }
  const session = { ...everybody, sites, coordinator: openSession(setup), accumulator: everybody.accumulator.slice() }
  for (const site of sites.values()) {
    const [advertisement] = site.sent
    if (advertisement === undefined) throw new Error('everybody has advertised')
    expect(deliver(session, site, advertisement)).toBe(true)
  }
  await walkStage(session, { down: () => null })
  return session
}

async function finish(session: Watched, silent: readonly WatchedSite[]): Promise<void> {
  const ids = silent.map(({ spiffeId }) => spiffeId)
  while (session.coordinator.stage !== 'completed' && session.coordinator.stage !== 'aborted') {
    await walkStage(session, { down: (instruction, to) => (ids.includes(to) ? null : instruction) })
  }
  expect(outcomeOf(session).stage).toBe('completed')
}

/** Both sessions to their ends. `memory`: whether the victim that hears the second roster is the one that heard the first. */
async function attack({ memory }: { readonly memory: boolean }) {
  const everybody = enrolled.at('share-keys')
  const forgetful = siteAt(copyOf(everybody), VICTIM)
  const first = await sessionWith(everybody, FIRST)
  const second = await sessionWith(everybody, SECOND)
  const victim = siteAt(everybody, VICTIM)
  // The masked input leaves first, so that the coordinator has as much as it can have.
  await walkStage(first)
  await walkStage(first)
  const { roster } = coordinatorAt(first, 'attest-survivors')
  const asked = memory ? victim : forgetful
  const held = holdingsOf(asked)
  await tell(second, asked, truthFor(second, asked, 'share-keys'))
  await walkStage(second, { down: (instruction, to) => (to === victim.spiffeId ? null : instruction) })
  await finish(second, [victim])
  await finish(first, [])
  const maskKey = secretOf(
    spoilsOf(second, secondRoster(second)),
    secondRoster(second).indices.get(victim.spiffeId) ?? 0,
    'mask-key',
  )
  const index = roster.indices.get(victim.spiffeId) ?? 0
  const aim = { members: [index], shared: outcomeOf(first).survivors }
  const maskKeys = new Map(maskKey === null ? [] : [[index, maskKey] as const])
  const guess = await recoverSum(spoilsOf(first, roster), { ...aim, maskKeys })
  return { first, second, asked, victim, held, maskKey, guess, truth: trueSum([victim]) }
}

function secondRoster({ coordinator }: Watched) {
  if (!('roster' in coordinator)) throw new Error('a roster was fixed')
  return coordinator.roster
}

test('off: the victim’s input, exactly; on: one deal, and no share of its mask key', async () => {
  const off = await attack({ memory: false })
  expect(off.asked.refusal).toBeNull()
  expect(off.guess).toEqual(off.truth)

  const on = await attack({ memory: true })
  expectRefused(on.asked, { code: 'another_roster', left: 'masked input', held: on.held })
  expect(on.asked.sent.filter(({ kind }) => kind === 'share-keys')).toHaveLength(1)
  expect(on.maskKey).toBeNull()
  expect(lanesRight(on.guess, on.truth)).toBe(0)
  rows.push({
    attack: 'second roster after the masked input left',
    check: 'another_roster (memory of the first)',
    off: recovered(off.guess, off.truth),
    on: `${refused([on.asked])}; ${recovered(on.guess, on.truth)}`,
  })
})

test('the memory outlives the process: a victim that restarted deals under no roster at all', async () => {
  const everybody = enrolled.at('share-keys')
  const first = await sessionWith(everybody, FIRST)
  const second = await sessionWith(everybody, SECOND)
  const victim = siteAt(everybody, VICTIM)
  await tell(first, victim, truthFor(first, victim, 'share-keys'))
  for (const session of [first, second]) {
    const { effects } = answerAfterRestart(
      victim.journal,
      first.context.sessionId,
      truthFor(session, victim, 'share-keys'),
    )
    expect(effects).toMatchObject([{ kind: 'send', message: { kind: 'withdraw', code: 'session_known' } }])
  }
})
