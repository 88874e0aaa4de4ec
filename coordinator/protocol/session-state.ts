/**
 * The coordinator's states of one session, each with exactly the fields that exist then. The coordinator holds no
 * secrets before stage 4, so every state can be stored whole (see shared/protocol/stored-form.ts).
 *
 * What grows by a message is a persistent map or set: the state before stays as it was, and a message costs O(log n).
 */
import { type Map as PersistentMap, Set as PersistentSet } from 'immutable'
import type { MaskSeed } from '../../shared/masks/mask-engine.ts'
import type { SessionContext } from '../../shared/protocol/context.ts'
import type { Deal, SessionDigests } from '../../shared/protocol/deal.ts'
import { type NeighbourGraph, neighbourGraph } from '../../shared/protocol/neighbour-graph.ts'
import type { QuorumCertificate } from '../../shared/protocol/quorum-certificate.ts'
import type { AbortReason } from '../../shared/protocol/refusal-codes.ts'
import type { Reveal } from '../../shared/protocol/reveal.ts'
import {
  enrolmentsOf,
  type RosterEntry,
  type RosterLine,
  rosterDigest,
  rosterLine,
} from '../../shared/protocol/roster.ts'
import type { SharingParameters } from '../../shared/protocol/threshold.ts'

/** What a session is opened with. */
export interface SessionSetup {
  readonly context: SessionContext
  readonly contextDigest: Uint8Array
  /** The plan's enrolled, in any order. */
  readonly enrolled: readonly string[]
  /** SPIFFE IDs asked to take part: enrolled, selected, and holding a trained update. */
  readonly expected: ReadonlySet<string>
  /** Stage 0 closes when so many are in. */
  readonly targetCohort: number
}

/** U1 as fixed at the close of stage 0: entries sorted by SPIFFE ID, index = 1-based place. */
export interface Roster {
  readonly entries: readonly RosterEntry[]
  readonly lines: readonly RosterLine[]
  readonly digests: SessionDigests
  readonly parameters: SharingParameters
  readonly graph: NeighbourGraph
  /** The roster index of each SPIFFE ID. */
  readonly indices: ReadonlyMap<string, number>
}

/** A signed "this share does not open". */
export interface Complaint {
  readonly owner: number
  readonly holder: number
  readonly ciphertextDigest: Uint8Array
  readonly signature: Uint8Array
}

export interface ContributionReceipt {
  readonly digest: Uint8Array
  readonly signature: Uint8Array
}

interface Opened {
  readonly setup: SessionSetup
  /** SPIFFE IDs that left by themselves: nobody waits for them any more. */
  readonly withdrawn: PersistentSet<string>
  /** SPIFFE IDs caught breaking the protocol: left out of the next session. */
  readonly named: PersistentSet<string>
}

interface Live extends Opened {
  /** SPIFFE IDs whose answer the present stage is still waiting for. */
  readonly awaited: PersistentSet<string>
}

/** Stage 0: entries arrive, by SPIFFE ID. */
export interface AdvertisingKeys extends Live {
  readonly stage: 'advertise-keys'
  readonly entries: PersistentMap<string, RosterEntry>
  /** Every key of every entry (base64), and whose it is. */
  readonly keyOwners: PersistentMap<string, string>
}

/** Stage 1: deals arrive, by index. */
export interface SharingKeys extends Live {
  readonly stage: 'share-keys'
  readonly roster: Roster
  readonly deals: PersistentMap<number, Deal>
}

/** Stage 2: complaints and masked inputs arrive. `shared` is U2, ascending. */
export interface CollectingMaskedInput extends Omit<SharingKeys, 'stage'> {
  readonly stage: 'mask-input'
  readonly shared: readonly number[]
  /** By {@link pairOf} owner and holder. */
  readonly complaints: PersistentMap<string, Complaint>
  readonly contributions: PersistentMap<number, ContributionReceipt>
}

/** Stage 3: signatures over (U2, U3) arrive. `survivors` is U3, ascending. */
export interface AttestingSurvivors extends Omit<CollectingMaskedInput, 'stage'> {
  readonly stage: 'attest-survivors'
  readonly survivors: readonly number[]
  /** U2 and U3 as everybody signs them. */
  readonly bitmaps: { readonly shared: Uint8Array; readonly survivors: Uint8Array }
  readonly attestations: PersistentMap<number, Uint8Array>
}

/** Stage 4: shares arrive. */
export interface RevealingShares extends Omit<AttestingSurvivors, 'stage'> {
  readonly stage: 'reveal-shares'
  readonly certificate: QuorumCertificate
  readonly reveals: PersistentMap<number, Reveal>
}

/** The sum can be unmasked: `masks` are what has to be added to the accumulated masked inputs. */
export interface Completed extends Opened {
  readonly stage: 'completed'
  readonly roster: Roster
  readonly shared: readonly number[]
  readonly survivors: readonly number[]
  /** Pairs whose shares did not open: recorded, though nobody need be to blame. */
  readonly complaints: PersistentMap<string, Complaint>
  readonly contributions: PersistentMap<number, ContributionReceipt>
  readonly certificate: QuorumCertificate
  readonly masks: readonly MaskSeed[]
}

export interface Aborted extends Opened {
  readonly stage: 'aborted'
  readonly reason: AbortReason
  readonly detail: string
}

export type LiveSession = AdvertisingKeys | SharingKeys | CollectingMaskedInput | AttestingSurvivors | RevealingShares
export type CoordinatorSession = LiveSession | Completed | Aborted

/** The roster index of a SPIFFE ID, or `null`. */
export function indexOf(roster: Roster, spiffeId: string): number | null {
  return roster.indices.get(spiffeId) ?? null
}

/** The roster of entries sorted by SPIFFE ID, with all that follows from them. */
export function makeRoster(
  entries: readonly RosterEntry[],
  { enrolled, contextDigest }: Pick<SessionSetup, 'enrolled' | 'contextDigest'>,
  parameters: SharingParameters,
): Roster {
  const enrolments = enrolmentsOf(enrolled)
  const lines = entries.map((entry) => rosterLine(entry, enrolments.get(entry.spiffeId) ?? 0))
  const digests = { contextDigest, rosterDigest: rosterDigest(contextDigest, lines) }
  const indices = new Map(entries.map(({ spiffeId }, place) => [spiffeId, place + 1]))
  return { entries, lines, digests, parameters, graph: neighbourGraph(parameters, digests), indices }
}

/** The SPIFFE ID at a roster index. */
export function idAt(roster: Roster, index: number): string {
  return roster.entries[index - 1]?.spiffeId ?? ''
}

/** The SPIFFE IDs at these indices who are still in the session: whom a stage waits for. */
export function stillIn(session: Opened & { readonly roster: Roster }, indices: Iterable<number>) {
  const { roster, withdrawn, named } = session
  const ids = [...indices].map((index) => idAt(roster, index))
  return PersistentSet(ids.filter((id) => !withdrawn.has(id) && !named.has(id)))
}

/** The key of a pair among complaints. */
export function pairOf(owner: number, holder: number): string {
  return `${owner} ${holder}`
}

/**
 * Whoever stands in complaints, as owner or holder, with more than c others; an honest participant stands in at most c.
 * Asked when the session ends, so that an unfounded complainer costs one session at most.
 */
export function blamedByComplaints(session: Pick<CollectingMaskedInput, 'roster' | 'complaints'>): readonly string[] {
  const partners = new Map<number, Set<number>>()
  const note = (one: number, other: number) => partners.set(one, (partners.get(one) ?? new Set()).add(other))
  for (const { owner, holder } of session.complaints.values()) {
    note(owner, holder)
    note(holder, owner)
  }
  return [...partners]
    .filter(([, others]) => others.size > session.roster.parameters.corruptHolders)
    .map(([index]) => idAt(session.roster, index))
}

/** Ends the session without a sum. `named` are blamed in addition to those already caught, and to serial complainers. */
export function abort(
  session: LiveSession,
  reason: AbortReason,
  detail: string,
  named: readonly string[] = [],
): Aborted {
  const blamed = 'complaints' in session ? blamedByComplaints(session) : []
  return {
    stage: 'aborted',
    setup: session.setup,
    withdrawn: session.withdrawn,
    named: session.named.union(blamed, named),
    reason,
    detail,
  }
}
