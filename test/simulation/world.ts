/**
 * The federation under simulation: the real cores, their journals and clocks, a coordinator's spools and accumulator, and a
 * network that may keep what it carries. Inputs are sentinels: a site's own lane holds the number of its update, so that a
 * sum says who was counted, with which update, and how often.
 */
import { openSession } from '../../coordinator/protocol/session.ts'
import type { SessionFact } from '../../coordinator/protocol/session-facts.ts'
import type { CoordinatorSession, SessionSetup } from '../../coordinator/protocol/session-state.ts'
import type {
  ParticipantEffect,
  ParticipantSession,
  ParticipantSetup,
} from '../../participant/protocol/session-state.ts'
import { updateDigest } from '../../participant/protocol/update-digest.ts'
import { contextDigest, type SessionContext } from '../../shared/protocol/context.ts'
import type { Instruction, ParticipantMessage } from '../../shared/protocol/messages.ts'
import { colluders } from '../../shared/protocol/threshold.ts'
import { systemRng } from '../../shared/random.ts'
import { type Lanes, zeroLanes } from '../../shared/vector/encoding.ts'
import { NOW_MS } from '../protocol/federation.ts'
import type { Identities } from '../protocol/identities.ts'
import type { Flaw } from './flaws.ts'
import {
  type OperationList,
  recallsInstructions,
  rewindsCoordinator,
  type SimulatedSetup,
  touchesClocks,
} from './operations.ts'
import { StrictJournal } from './strict-journal.ts'

/** A site's life in one session: lost when its agent restarts. */
export interface Life {
  readonly session: number
  readonly update: number
  core: ParticipantSession
  /** What the last step still asks for, in order. */
  underWay: readonly ParticipantEffect[]
  /** The newest instruction not looked at yet. */
  waiting: Instruction | null
  packed: Uint8Array | null
}

export interface SimulatedSite {
  readonly place: number
  readonly spiffeId: string
  readonly journal: StrictJournal
  readonly told: { readonly session: number; readonly instruction: Instruction }[]
  /** The number of its present update, counted from 1. */
  update: number
  clockMs: number
  life: Life | null
}

/** A message on its way, with the bytes that an upload consists of. */
export interface Letter {
  readonly session: number
  readonly site: number
  readonly message: ParticipantMessage
  readonly bytes: Uint8Array | null
}

export interface SimulatedSession {
  readonly number: number
  readonly context: SessionContext
  readonly contextDigest: Uint8Array
  readonly accumulator: Lanes
  readonly folded: number[]
  /** Uploads cut off on their way, by SPIFFE ID. */
  readonly spools: Map<string, Uint8Array>
  /** What the coordinator has on disk: how the session was opened, and everything that changed it. */
  readonly setup: SessionSetup
  readonly facts: SessionFact[]
  coordinator: CoordinatorSession
  /** The coordinator's side after each of its changes. */
  readonly stored: Stored[]
}

export interface Stored {
  readonly coordinator: CoordinatorSession
  readonly accumulator: Lanes
  readonly folded: readonly number[]
  readonly facts: readonly SessionFact[]
}

/** Everything that ever left a site, as far as promises are made about it. */
export interface Said {
  /** By session, site and kind: the first of each. */
  readonly messages: Map<string, ParticipantMessage>
  /** By session and site. */
  readonly uploads: Map<string, Uint8Array>
  /** By site and update: the session that masked it. */
  readonly maskedIn: Map<string, number>
  /** By site and model: how many sessions masked an update trained from it. */
  readonly maskedOn: Map<string, number>
  /** By session and owner: the kind of share revealed, by anybody. */
  readonly kinds: Map<string, string>
}

export interface World {
  readonly setup: SimulatedSetup
  readonly identities: Identities
  readonly flaw: Flaw | null
  readonly sites: readonly SimulatedSite[]
  readonly air: Letter[]
  readonly said: Said
  /** How often what happened: outcomes, codes, fates. */
  readonly tally: Map<string, number>
  readonly mayBlameClocks: boolean
  readonly mayBeAskedAgain: boolean
  readonly mayBeContradicted: boolean
  readonly sets: Map<string, string>
  /** Sites whose advertisement was refused for its time, and that wait in vain for their stage to close. */
  readonly untimely: Set<string>
  session: SimulatedSession
  model: number
  nowMs: number
  coordinatorClockMs: number
}

export function openWorld(list: OperationList, identities: Identities, flaw: Flaw | null): World {
  const { setup } = list
  const sites = identities.sites.slice(0, setup.size).map(({ spiffeId }, place): SimulatedSite => {
    return { place, spiffeId, journal: new StrictJournal(), told: [], update: 1, clockMs: 0, life: null }
  })
  return {
    setup,
    identities,
    flaw,
    sites,
    air: [],
    said: { messages: new Map(), uploads: new Map(), maskedIn: new Map(), maskedOn: new Map(), kinds: new Map() },
    tally: new Map(),
    mayBlameClocks: touchesClocks(list),
    mayBeAskedAgain: recallsInstructions(list),
    mayBeContradicted: rewindsCoordinator(list),
    sets: new Map(),
    untimely: new Set(),
    session: beginSession(setup, identities, { number: 1, model: 1 }),
    model: 1,
    nowMs: NOW_MS,
    coordinatorClockMs: 0,
  }
}

/** A session that nobody has been told of yet. */
export function beginSession(
  setup: SimulatedSetup,
  { bundle, sites }: Identities,
  { number, model }: { readonly number: number; readonly model: number },
): SimulatedSession {
  const { size, gammaPpm, modulusBits, minimumCohort, targetCohort } = setup
  const context: SessionContext = {
    trustDomain: bundle.trustDomain,
    runId: `run-${setup.run}`,
    round: model,
    sessionId: sessionIdOf(number),
    planDigest: new Uint8Array(32).fill(1),
    modelDigest: new Uint8Array(32).fill(model),
    // One lane for each site, and one that counts.
    lengthLanes: size + 1,
    laneWidth: modulusBits <= 16 ? 16 : 32,
    modulusBits,
    minimumCohort,
    enrolledCount: size,
    assumptions: {
      gammaPpm,
      deltaPpm: 0,
      colluders: colluders(size, gammaPpm),
      adversary: 'malicious',
      graph: 'auto',
      maxNeighbours: 1000,
    },
    aggregation: { inputBits: 8, clipNorm: 1000, laneRange: 1, minWeight: 1, maxWeight: 1000, scalars: [] },
  }
  const digest = contextDigest(context)
  const enrolled = sites.slice(0, size).map((site) => site.spiffeId)
  const opened = { context, contextDigest: digest, enrolled, expected: new Set(enrolled), targetCohort }
  return {
    number,
    context,
    contextDigest: digest,
    accumulator: zeroLanes(context.lengthLanes, modulusBits),
    folded: [],
    spools: new Map(),
    stored: [],
    setup: opened,
    facts: [],
    coordinator: openSession(opened),
  }
}

export function sessionIdOf(number: number): Uint8Array {
  return new Uint8Array(16).fill(number)
}

/** The site at a place, taken modulo the size. */
export function siteAt(world: World, place: number): SimulatedSite {
  const site = world.sites[place % world.sites.length]
  if (site === undefined) throw new Error('a federation has sites')
  return site
}

/** The sentinel: the number of the update in the site's own lane, 1 in the lane that counts. */
export function inputOf(world: World, site: number, update: number): Lanes {
  const lanes = zeroLanes(world.sites.length + 1, world.setup.modulusBits)
  lanes[site] = update
  lanes[world.sites.length] = 1
  return lanes
}

export function updateDigestOf(site: number, update: number): Uint8Array {
  return updateDigest(Float32Array.of(site, update), {})
}

/** What the site's agent would compute and decide for itself. */
export function setupOf(world: World, site: SimulatedSite): ParticipantSetup {
  const { context, contextDigest: digest } = world.session
  const identity = world.identities.sites[site.place]
  if (identity === undefined) throw new Error('every site has an identity')
  return {
    context,
    contextDigest: digest,
    spiffeId: site.spiffeId,
    certificateChain: identity.certificateChain,
    signWithCertificate: identity.signWithCertificate,
    enrolled: world.sites.map((other) => other.spiffeId),
    permitsPeer: () => true,
    minimumCohort: context.minimumCohort,
    admissionWindowMs: 300_000,
    sessionsPerModel: SESSIONS_PER_MODEL,
    roundsPerDay: 200,
    minimumColluders: 0,
    minimumThresholdFraction: 0.5,
    updateDigest: updateDigestOf(site.place, site.update),
  }
}

export const SESSIONS_PER_MODEL = 2

export function environmentOf(world: World, site: SimulatedSite) {
  const { bundle } = world.identities
  return { nowMs: world.nowMs + site.clockMs, rng: systemRng, journal: site.journal, bundle }
}

export function count(world: World, what: string): void {
  world.tally.set(what, (world.tally.get(what) ?? 0) + 1)
}
