/**
 * The network and the coordinator's side of it: what carries a letter, spools what of an upload has arrived, hands messages
 * to the core and adds up what it says to add up.
 */
import { receive } from '../../coordinator/protocol/session.ts'
import { indexOf } from '../../coordinator/protocol/session-state.ts'
import { addPacked } from '../../shared/vector/packing.ts'
import { uploadDigest } from '../../shared/vector/upload-digest.ts'
import { promised } from './finding.ts'
import type { Fate } from './operations.ts'
import { notice } from './said.ts'
import { count, type Letter, siteAt, type World } from './world.ts'

/** What the sender learns: `nothing` leaves the message under way. */
export type Answer = 'taken' | 'refused' | 'nothing'

/** Why an honest message may be rejected. */
const HONEST_REJECTIONS = new Set(['late', 'wrong_session'])
/** What a coordinator that has forgotten may say to messages of before. */
const REJECTIONS_OF_REWINDS = new Set(['wrong_stage', 'bad_signature', 'malformed', 'identity_mismatch'])

/** A letter leaves its site and meets its fate. */
export function carry(world: World, letter: Letter, fate: Fate): Answer {
  notice(world, letter)
  if (fate !== 'arrives') count(world, `fate ${fate}`)
  switch (fate) {
    case 'lost':
      return 'nothing'
    case 'cut':
      spoolHalf(world, letter)
      return 'nothing'
    case 'held':
      world.air.push(letter)
      return 'nothing'
    case 'unanswered':
      arrive(world, letter)
      return 'nothing'
    case 'copied':
      world.air.push(letter)
      return arrive(world, letter)
    case 'arrives':
      return arrive(world, letter)
  }
}

/** A letter reaches the coordinator, now or long after it was written. */
export function arrive(world: World, letter: Letter): Answer {
  const { session, nowMs, coordinatorClockMs, identities } = world
  const { spiffeId } = siteAt(world, letter.site)
  if (letter.session !== session.number) return refused(world, letter, 'wrong_session')
  const bytes = received(world, letter)
  const { message } = letter
  const handedIn =
    message.kind === 'contribution'
      ? { ...message, receivedDigest: bytes === null ? message.digest : uploadDigest(bytes) }
      : message
  const environment = { nowMs: nowMs + coordinatorClockMs, bundle: identities.bundle }
  const result = receive(session.coordinator, spiffeId, handedIn, environment)
  session.coordinator = result.session
  if (result.fact !== null) session.facts.push(result.fact)
  for (const { index } of result.effects) fold(world, index, bytes ?? letter.bytes)
  const { outcome } = result
  if (outcome.kind === 'accepted') {
    count(world, outcome.repeated ? 'repeated' : 'accepted')
    if (outcome.repeated && message.kind === 'contribution' && world.flaw === 'folds-repeats') foldAgain(world, letter)
    return 'taken'
  }
  if (outcome.code === 'late' && message.kind === 'contribution' && world.flaw === 'folds-late')
    foldAgain(world, letter)
  session.spools.delete(spiffeId)
  return refused(world, letter, outcome.code)
}

function refused(world: World, { site, message }: Letter, code: string): Answer {
  count(world, `rejected ${code}`)
  const isUntimely = code === 'advertised_too_early_or_late'
  if (isUntimely) world.untimely.add(siteAt(world, site).spiffeId)
  const isHonest =
    HONEST_REJECTIONS.has(code) ||
    (isUntimely && world.mayBlameClocks) ||
    (world.mayBeContradicted && REJECTIONS_OF_REWINDS.has(code))
  promised('refused_honestly', isHonest, () => `the ${message.kind} of site ${site} is rejected with ${code}`)
  return 'refused'
}

/** The bytes as the spool has them: what came before the upload was cut off, then the rest. `null` when all are counted. */
function received(world: World, { message, bytes, site }: Letter): Uint8Array | null {
  if (message.kind !== 'contribution' || bytes === null) return null
  const { coordinator, spools } = world.session
  const { spiffeId } = siteAt(world, site)
  const index = 'roster' in coordinator ? indexOf(coordinator.roster, spiffeId) : null
  if (index !== null && 'contributions' in coordinator && coordinator.contributions.has(index)) return null
  const start = spools.get(spiffeId) ?? new Uint8Array(0)
  return new Uint8Array([...start, ...bytes.subarray(start.length)])
}

function spoolHalf({ session, sites }: World, letter: Letter): void {
  const { coordinator, spools } = session
  const { bytes } = letter
  if (bytes === null || letter.session !== session.number || coordinator.stage !== 'mask-input') return
  const spiffeId = sites[letter.site]?.spiffeId ?? ''
  const index = indexOf(coordinator.roster, spiffeId)
  if (index === null || coordinator.contributions.has(index) || spools.has(spiffeId)) return
  spools.set(spiffeId, bytes.slice(0, Math.ceil(bytes.length / 2)))
}

function fold(world: World, index: number, bytes: Uint8Array | null): void {
  const { accumulator, folded } = world.session
  const refusal = addPacked({
    accumulator,
    packed: bytes ?? new Uint8Array(0),
    modulusBits: world.setup.modulusBits,
  })
  promised('nothing_thrown', refusal === null, () => `a masked input cannot be added: ${refusal?.message}`)
  folded.push(index)
}

function foldAgain(world: World, { bytes, site }: Letter): void {
  const { coordinator } = world.session
  const index = 'roster' in coordinator ? indexOf(coordinator.roster, siteAt(world, site).spiffeId) : null
  if (index !== null) fold(world, index, bytes)
}
