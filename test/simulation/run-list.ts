/** Runs one list of operations to its end, and says which promise was broken first, if one was. */
import { instructionFor } from '../../coordinator/protocol/instructions.ts'
import { applyFact, awaited, isLive, openSession } from '../../coordinator/protocol/session.ts'
import type { SessionFact } from '../../coordinator/protocol/session-facts.ts'
import type { CoordinatorSession, SessionSetup } from '../../coordinator/protocol/session-state.ts'
import { unreachable } from '../../shared/errors.ts'
import { cpuMaskEngine } from '../../shared/masks/cpu-engine.ts'
import { decodeStored, encodeStored } from '../../shared/protocol/stored-form.ts'
import type { Identities } from '../protocol/identities.ts'
import { type Going, goOn, hear, leaveSession, restart, UNDISTURBED } from './agent.ts'
import { Finding, promised } from './finding.ts'
import type { Flaw } from './flaws.ts'
import { checkClosing, checkState } from './invariants.ts'
import type { Operation, OperationList } from './operations.ts'
import { arrive } from './post.ts'
import { beginSession, count, openWorld, type SimulatedSite, siteAt, type World } from './world.ts'

export interface Outcome {
  readonly finding: Finding | null
  readonly tally: ReadonlyMap<string, number>
}

/** Stages of a session: so many closings end it, whatever happened. */
const STAGES = 5

export async function runList(list: OperationList, identities: Identities, flaw: Flaw | null = null): Promise<Outcome> {
  const world = openWorld(list, identities, flaw)
  try {
    for (const operation of list.operations) {
      await carryOut(world, operation)
      checkState(world)
      store(world)
    }
    await finish(world)
    return { finding: null, tally: world.tally }
  } catch (error) {
    if (error instanceof Finding) return { finding: error, tally: world.tally }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { finding: new Finding('nothing_thrown', text), tally: world.tally }
  }
}

async function carryOut(world: World, operation: Operation): Promise<void> {
  count(world, operation.does)
  switch (operation.does) {
    case 'hear':
      return hearTruth(world, siteAt(world, operation.site), { ...UNDISTURBED, fate: operation.fate })
    case 'retry':
      return goOn(world, siteAt(world, operation.site), { ...UNDISTURBED, fate: operation.fate })
    case 'miss':
      truthFor(world, siteAt(world, operation.site))
      return
    case 'recall': {
      const site = siteAt(world, operation.site)
      const heard = site.told.at(-1 - operation.back)
      if (heard !== undefined) await hear(world, site, heard, UNDISTURBED)
      return
    }
    case 'arrive': {
      const place = operation.place % Math.max(1, world.air.length)
      const letter = world.air[place]
      if (letter === undefined) return
      if (!operation.again) world.air.splice(place, 1)
      arrive(world, letter)
      return
    }
    case 'crash': {
      const site = siteAt(world, operation.site)
      await hearTruth(world, site, { ...UNDISTURBED, effects: operation.after })
      restart(world, site)
      return
    }
    case 'leave':
      return leaveSession(world, siteAt(world, operation.site))
    case 'restart-coordinator':
      return restartCoordinator(world)
    case 'rewind-coordinator':
      return rewind(world, operation.back)
    case 'set-clock':
      if (operation.site === null) world.coordinatorClockMs += operation.byMs
      else siteAt(world, operation.site).clockMs += operation.byMs
      return
    case 'wait':
      world.nowMs += operation.ms
      return
    case 'close':
      return close(world)
    case 'cancel':
      cancel(world)
      return
    case 'open': {
      cancel(world)
      for (const place of operation.fresh) siteAt(world, place).update += 1
      if (!operation.isSameModel) world.model += 1
      world.untimely.clear()
      const number = world.session.number + 1
      world.session = beginSession(world.setup, world.identities, { number, model: world.model })
      return
    }
    default:
      return unreachable(operation)
  }
}

/** The present instruction for a site, remembered as told. */
function truthFor(world: World, site: SimulatedSite) {
  const instruction = instructionFor(world.session.coordinator, site.spiffeId)
  if (instruction === null) throw new Error(`${site.spiffeId} is in the session`)
  const heard = { session: world.session.number, instruction }
  site.told.push(heard)
  return heard
}

async function hearTruth(world: World, site: SimulatedSite, going: Going): Promise<void> {
  await hear(world, site, truthFor(world, site), going)
}

/** The state comes back from what is on disk, whatever the clock says by now, and is the same. */
function restartCoordinator({ session }: World): void {
  const text = encodeStored(session.coordinator)
  const isSame = encodeStored(decodeStored<CoordinatorSession>(text)) === text
  promised('stored_form', isSame, () => `the state of ${session.coordinator.stage} is stored in another form`)
  const setup = decodeStored<SessionSetup>(encodeStored(session.setup))
  const facts = decodeStored<readonly SessionFact[]>(encodeStored(session.facts))
  session.coordinator = facts.reduce(applyFact, openSession(setup))
  const isReplayed = encodeStored(session.coordinator) === text
  promised(
    'replayed',
    isReplayed,
    () => `${facts.length} facts give another state than ${session.coordinator.stage} was`,
  )
}

function change(world: World, fact: SessionFact): void {
  const { session } = world
  session.facts.push(fact)
  session.coordinator = applyFact(session.coordinator, fact)
}

/** Keeps the coordinator's side as it stands, if it has changed. */
function store({ session }: World): void {
  const { coordinator, accumulator, folded, facts, stored } = session
  if (stored.at(-1)?.coordinator === coordinator) return
  stored.push({ coordinator, accumulator: accumulator.slice(), folded: [...folded], facts: [...facts] })
}

function rewind(world: World, back: number): void {
  const { session, sets } = world
  const before = session.stored.at(-1 - back)
  if (before === undefined) return
  session.coordinator = before.coordinator
  session.accumulator.set(before.accumulator)
  session.folded.splice(0, session.folded.length, ...before.folded)
  session.facts.splice(0, session.facts.length, ...before.facts)
  session.spools.clear()
  for (const key of sets.keys()) if (key.startsWith(`${session.number} `)) sets.delete(key)
  restartCoordinator(world)
}

function cancel(world: World): void {
  if (!isLive(world.session.coordinator)) return
  change(world, { kind: 'aborted', reason: 'cancelled', detail: 'by an operator' })
}

async function close(world: World): Promise<void> {
  const { session } = world
  const before = session.coordinator
  if (!isLive(before)) return
  change(world, { kind: 'stage-closed', stage: before.stage })
  world.untimely.clear()
  checkClosing(world, before, session.coordinator)
  await checkSum(world)
}

/** The sum has in each site's lane the number of its update if it survived, and nothing otherwise. */
async function checkSum(world: World): Promise<void> {
  const { coordinator, accumulator } = world.session
  if (coordinator.stage !== 'completed') return
  count(world, 'completed')
  if (coordinator.roster.graph.kind === 'sparse') count(world, 'completed on a ring')
  if (coordinator.survivors.length < coordinator.shared.length) count(world, 'completed without dropouts’ inputs')
  const sum = accumulator.slice()
  await cpuMaskEngine().accumulate(sum, coordinator.masks)
  const low = [...sum].map((lane) => lane % 2 ** world.setup.modulusBits)
  const survivors = new Set(coordinator.survivors.map((index) => coordinator.roster.entries[index - 1]?.spiffeId))
  const expected = world.sites.map((site) => (survivors.has(site.spiffeId) ? maskedUpdate(world, site) : 0))
  expected.push(survivors.size)
  promised('exact_sum', `${low}` === `${expected}`, () => `the sum is ${low}, the survivors’ inputs are ${expected}`)
}

function maskedUpdate(world: World, { place }: SimulatedSite): number {
  const { number } = world.session
  const masked = [...world.said.maskedIn].find(([of, session]) => of.startsWith(`${place} `) && session === number)
  return Number(masked?.[0].split(' ')[1] ?? Number.NaN)
}

/** The operations have run out: the session ends all the same, and so does every site’s part in it. */
async function finish(world: World): Promise<void> {
  restartCoordinator(world)
  for (let stage = 0; stage < STAGES && isLive(world.session.coordinator); stage += 1) {
    if (world.setup.ending === 'calm') await actUndisturbed(world)
    await close(world)
    checkState(world)
  }
  const { coordinator } = world.session
  promised('ends', !isLive(coordinator), () => `all stages have closed, the session is at ${coordinator.stage}`)
  for (const letter of world.air.splice(0)) arrive(world, letter)
  promised('ends', world.session.coordinator === coordinator, () => 'a session that has ended changes')
  checkState(world)
  for (const site of world.sites) {
    // What it has never heard the end of, its own deadline ends.
    if (site.life !== null && site.life.session !== world.session.number) await leaveSession(world, site)
    await hearTruth(world, site, UNDISTURBED)
    promised('ends', site.life === null, () => `site ${site.place} is still in session ${site.life?.session}`)
  }
}

/** Everybody hears and acts; then nobody is waited for but whom its own clock has kept out. */
async function actUndisturbed(world: World): Promise<void> {
  for (const site of world.sites) {
    await goOn(world, site, UNDISTURBED)
    await hearTruth(world, site, UNDISTURBED)
    checkState(world)
  }
  const missing = [...awaited(world.session.coordinator)].filter((id) => !world.untimely.has(id))
  const { stage } = world.session.coordinator
  promised('ends', missing.length === 0, () => `${stage} waits for ${missing.join(', ')}, who have all been asked`)
}
