/**
 * The coordinator's states of one session, each with exactly the fields that exist then. The coordinator holds no
 * secrets before stage 4, so every state can be stored whole (see shared/protocol/stored-form.ts).
 */
import type { MaskSeed } from '../../shared/masks/mask-engine.ts'
import type { SessionContext } from '../../shared/protocol/context.ts'
import type { Deal, SessionDigests } from '../../shared/protocol/deal.ts'
import type { QuorumCertificate } from '../../shared/protocol/quorum-certificate.ts'
import type { AbortReason } from '../../shared/protocol/refusal-codes.ts'
import type { Reveal } from '../../shared/protocol/reveal.ts'
import type { RosterEntry, RosterLine } from '../../shared/protocol/roster.ts'
import type { SharingParameters } from '../../shared/protocol/threshold.ts'

/** What a session is opened with. */
export interface SessionSetup {
  readonly context: SessionContext
  readonly contextDigest: Uint8Array
  /** SPIFFE IDs asked to take part: enrolled, selected, and holding a trained update. */
  readonly expected: readonly string[]
  /** Stage 0 closes when so many are in. */
  readonly targetCohort: number
}

/** U1 as fixed at the close of stage 0: entries sorted by SPIFFE ID, index = 1-based place. */
export interface Roster {
  readonly entries: readonly RosterEntry[]
  readonly lines: readonly RosterLine[]
  readonly digests: SessionDigests
  readonly parameters: SharingParameters
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
  readonly withdrawn: readonly string[]
  /** SPIFFE IDs caught breaking the protocol: left out of the next session. */
  readonly named: readonly string[]
}

/** Stage 0: entries arrive. */
export interface AdvertisingKeys extends Opened {
  readonly stage: 'advertise-keys'
  readonly entries: ReadonlyMap<string, RosterEntry>
}

/** Stage 1: deals arrive, by index. */
export interface SharingKeys extends Opened {
  readonly stage: 'share-keys'
  readonly roster: Roster
  readonly deals: ReadonlyMap<number, Deal>
}

/** Stage 2: complaints and masked inputs arrive. `shared` is U2. */
export interface CollectingMaskedInput extends Omit<SharingKeys, 'stage'> {
  readonly stage: 'mask-input'
  readonly shared: readonly number[]
  readonly complaints: readonly Complaint[]
  readonly contributions: ReadonlyMap<number, ContributionReceipt>
}

/** Stage 3: signatures over (U2, U3) arrive. `survivors` is U3. */
export interface AttestingSurvivors extends Omit<CollectingMaskedInput, 'stage'> {
  readonly stage: 'attest-survivors'
  readonly survivors: readonly number[]
  readonly attestations: ReadonlyMap<number, Uint8Array>
}

/** Stage 4: shares arrive. */
export interface RevealingShares extends Omit<AttestingSurvivors, 'stage'> {
  readonly stage: 'reveal-shares'
  readonly certificate: QuorumCertificate
  readonly reveals: ReadonlyMap<number, Reveal>
}

/** The sum can be unmasked: `masks` are what has to be added to the accumulated masked inputs. */
export interface Completed extends Opened {
  readonly stage: 'completed'
  readonly roster: Roster
  readonly shared: readonly number[]
  readonly survivors: readonly number[]
  /** Pairs whose shares did not open: recorded, though nobody need be to blame. */
  readonly complaints: readonly Complaint[]
  readonly contributions: ReadonlyMap<number, ContributionReceipt>
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
  const place = roster.entries.findIndex((entry) => entry.spiffeId === spiffeId)
  return place < 0 ? null : place + 1
}

/** The SPIFFE ID at a roster index. */
export function idAt(roster: Roster, index: number): string {
  return roster.entries[index - 1]?.spiffeId ?? ''
}

/**
 * Whoever stands in complaints, as owner or holder, with more than c others; an honest participant stands in at most c.
 * Asked when the session ends, so that an unfounded complainer costs one session at most.
 */
export function blamedByComplaints(session: { readonly roster: Roster; readonly complaints: readonly Complaint[] }) {
  const partners = new Map<number, Set<number>>()
  const note = (one: number, other: number) => partners.set(one, (partners.get(one) ?? new Set()).add(other))
  for (const { owner, holder } of session.complaints) {
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
    named: [...new Set([...session.named, ...blamed, ...named])],
    reason,
    detail,
  }
}
