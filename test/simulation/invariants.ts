/** What holds of the coordinator's state after every operation, and of a stage that closes: worked out again, from counts. */
import type { CoordinatorSession, LiveSession } from '../../coordinator/protocol/session-state.ts'
import { Finding, promised } from './finding.ts'
import { count, type World } from './world.ts'

/** Checks the present session as it stands. */
export function checkState(world: World): void {
  const { coordinator, folded } = world.session
  promised('named_nobody', coordinator.named.size === 0, () => `named: ${[...coordinator.named].join(', ')}`)
  checkSets(world, coordinator)
  if (!('contributions' in coordinator)) return
  const counted = [...coordinator.contributions.keys()].sort((a, b) => a - b)
  const added = [...folded].sort((a, b) => a - b)
  promised('folded_once', `${counted}` === `${added}`, () => `counted are ${counted}, added up ${added}`)
}

/** U5 ⊆ U4 ⊆ U3 ⊆ U2 ⊆ U1, and U1, U2, U3 never change once they are fixed. */
function checkSets(world: World, session: CoordinatorSession): void {
  if (!('roster' in session)) return
  const advertised = session.roster.entries.map((_, place) => place + 1)
  const chain: [string, readonly number[]][] = [['U1', advertised]]
  if ('shared' in session) chain.push(['U2', session.shared])
  if ('survivors' in session) chain.push(['U3', session.survivors])
  if ('attestations' in session) chain.push(['U4', [...session.attestations.keys()]])
  if ('reveals' in session) chain.push(['U5', [...session.reveals.keys()]])
  if (session.stage === 'completed') chain.push(['U4', session.certificate.signatures.map(({ index }) => index)])
  for (const [place, [name, members]] of chain.entries()) {
    const [outerName, outer] = chain[Math.max(0, place - 1)] ?? ['', []]
    const within = new Set(outer)
    const isWithin = members.every((member) => within.has(member))
    promised('sets_shrink', isWithin, () => `${name} ${members} is not within ${outerName} ${outer}`)
    promised('sets_shrink', new Set(members).size === members.length, () => `${name} has ${members}`)
  }
  const dealt = 'deals' in session ? [...session.deals.keys()] : null
  const isDealt = dealt === null || !('shared' in session) || session.shared.every((index) => dealt.includes(index))
  promised('sets_shrink', isDealt, () => `U2 names somebody who dealt nothing: ${dealt}`)
  const ids = session.roster.entries.map(({ spiffeId }) => spiffeId)
  const fixed = [['ids', ids] as const, ...chain.filter(([name]) => name === 'U2' || name === 'U3')]
  for (const [name, members] of fixed) {
    const key = `${world.session.number} ${name}`
    const before = world.sets.get(key)
    promised(
      'sets_fixed',
      before === undefined || before === `${members}`,
      () => `${name} was ${before}, is ${members}`,
    )
    world.sets.set(key, `${members}`)
  }
}

/** Reasons for which an honest session may end without a sum when a stage closes. */
const HONEST_ABORTS = new Set([
  'too_few_participants',
  'no_parameters',
  'too_few_shared',
  'too_few_survivors',
  'too_few_signatures',
  'too_few_shares',
])

/** Whether a stage that closed went on exactly if enough had answered; by the rule as the design states it. */
export function checkClosing(world: World, before: LiveSession, after: CoordinatorSession): void {
  promised('ends', after.stage !== before.stage, () => `${before.stage} closes and is still ${after.stage}`)
  if (after.stage === 'aborted') {
    count(world, `aborted ${after.reason}`)
    const isHonest = HONEST_ABORTS.has(after.reason) && after.detail !== ''
    promised('closes_by_the_rule', isHonest, () => `${before.stage} ends with ${after.reason}: ${after.detail}`)
  }
  const isEnough = enoughAnswered(before)
  const isGoingOn = after.stage !== 'aborted'
  const why = () =>
    `${before.stage} ${isGoingOn ? 'goes on' : 'aborts'} against the rule: ${JSON.stringify(after.stage)}`
  promised('closes_by_the_rule', isEnough === null || isEnough === isGoingOn, why)
}

/** On the complete graph; `null` on a ring, where it depends on who is whose holder. */
function enoughAnswered(session: LiveSession): boolean | null {
  const { assumptions, minimumCohort } = session.setup.context
  const { colluders } = assumptions
  if (session.stage === 'advertise-keys') {
    const entered = [...session.entries.keys()].filter((id) => !session.withdrawn.has(id)).length
    return entered >= Math.max(3, minimumCohort + colluders) && 3 * colluders < entered
  }
  const { parameters } = session.roster
  if (parameters.graph === 'sparse') return null
  const size = session.roster.entries.length
  const corrupt = Math.max(colluders, Math.ceil(size / 3) - 1)
  const quorum = Math.floor((size + corrupt) / 2) + 1
  const cohort = Math.max(quorum, minimumCohort + colluders)
  switch (session.stage) {
    case 'share-keys':
      return session.deals.size >= cohort
    case 'mask-input':
      return session.contributions.size >= cohort
    case 'attest-survivors':
      return session.attestations.size >= quorum
    case 'reveal-shares':
      return session.reveals.size >= quorum
    default:
      throw new Finding('ends', 'a stage of no name')
  }
}
