/**
 * A participant's states of one session. Each holds the secrets it still needs, in memory only; `wipeSession` ends them.
 */
import type { KeyPair } from '../../shared/crypto/key-agreement.ts'
import { wipe } from '../../shared/crypto/secrets.ts'
import type { SigningKey } from '../../shared/crypto/signatures.ts'
import type { TrustBundle } from '../../shared/identity/trust-bundle.ts'
import type { MaskSeed } from '../../shared/masks/mask-engine.ts'
import type { SessionContext } from '../../shared/protocol/context.ts'
import type { Deal, SessionDigests } from '../../shared/protocol/deal.ts'
import type { ParticipantMessage } from '../../shared/protocol/messages.ts'
import type { NeighbourGraph } from '../../shared/protocol/neighbour-graph.ts'
import type { Once } from '../../shared/protocol/once.ts'
import type { RefusalCode } from '../../shared/protocol/refusal-codes.ts'
import type { Reveal } from '../../shared/protocol/reveal.ts'
import type { RosterEntry, RosterLine } from '../../shared/protocol/roster.ts'
import type { SharePair } from '../../shared/protocol/sealed-shares.ts'
import type { SharingParameters } from '../../shared/protocol/threshold.ts'
import type { Rng } from '../../shared/random.ts'
import type { JournalFact, JournalView } from './journal.ts'

/** What this participant brings to a session, all of it computed or decided by itself. */
export interface ParticipantSetup {
  readonly context: SessionContext
  readonly contextDigest: Uint8Array
  readonly spiffeId: string
  /** DER, leaf first. */
  readonly certificateChain: readonly Uint8Array[]
  /** ECDSA P-256 by the leaf's key, raw r‖s. */
  readonly signWithCertificate: (statement: Uint8Array) => Uint8Array
  readonly enrolled: readonly string[]
  /** Local policy's word on a peer. */
  readonly permitsPeer: (spiffeId: string) => boolean
  /** The greater of the plan's and the local policy's. */
  readonly minimumCohort: number
  readonly admissionWindowMs: number
  /** Local policy's limit on masked sessions per global model, and per round of a plan. */
  readonly sessionsPerModel: number
  /** Local policy's limit on masked sessions in any 24 hours. */
  readonly roundsPerDay: number
  /** Local policy's floor for C, absolute. */
  readonly minimumColluders: number
  /** Local policy's bound on t/h, exclusive: 0.5 means that t > h/2. */
  readonly minimumThresholdFraction: number
  /** SHA-256 over the trained update, its example count and metrics: see update-digest.ts. */
  readonly updateDigest: Uint8Array
}

export interface ParticipantEnvironment {
  readonly nowMs: number
  readonly rng: Rng
  readonly journal: JournalView
  readonly bundle: TrustBundle
  /**
   * For a process in which thousands take part: checks of bytes that they all were sent alike, which depend on nothing of one's
   * own, are made once. An agent, which trusts nobody's result, leaves it out.
   */
  readonly once?: Once
}

/** To be carried out in order; a `record` is durable before the next effect begins. */
export type ParticipantEffect =
  | { readonly kind: 'record'; readonly fact: JournalFact }
  | { readonly kind: 'send'; readonly message: ParticipantMessage }
  /** Encode the update, add these masks, pack and digest it; then call `maskedInputReady`. Once per session. */
  | { readonly kind: 'mask'; readonly masks: readonly MaskSeed[] }
  /** Upload the packed bytes, from whatever offset the coordinator has, and the receipt after them. */
  | { readonly kind: 'upload'; readonly contribution: Contribution }
  /** Nothing more will be said in this session. */
  | { readonly kind: 'over'; readonly completed: boolean; readonly code: RefusalCode | null; readonly message: string }

export interface Contribution {
  readonly digest: Uint8Array
  readonly signature: Uint8Array
}

interface SessionSecrets {
  readonly channel: KeyPair
  readonly mask: KeyPair
  readonly signing: SigningKey
}

export interface AfterAdvertiseKeys {
  readonly stage: 'advertised'
  readonly setup: ParticipantSetup
  readonly secrets: SessionSecrets
  readonly advertisement: RosterEntry
}

export interface AfterShareKeys extends Omit<AfterAdvertiseKeys, 'stage'> {
  readonly stage: 'shared'
  readonly ownIndex: number
  readonly lines: readonly RosterLine[]
  readonly neighbours: ReadonlyMap<number, RosterEntry>
  readonly digests: SessionDigests
  readonly parameters: SharingParameters
  readonly graph: NeighbourGraph
  readonly selfSeed: Uint8Array
  readonly ownSelfShare: Uint8Array
  readonly deal: Deal
  /** K_{v→u} by neighbour v, from the agreements that dealing took: overwritten when what v dealt is opened. */
  readonly incomingKeys: ReadonlyMap<number, Uint8Array>
}

/** U2 is fixed and the update is spent; the masked input is being made, then uploaded. */
export interface AfterMasking extends Omit<AfterShareKeys, 'stage'> {
  readonly stage: 'masked'
  readonly shared: Uint8Array
  /** Shares this participant holds, by owner; `null` for a pair that did not open. */
  readonly held: ReadonlyMap<number, SharePair | null>
  readonly complaints: readonly Extract<ParticipantMessage, { kind: 'no-share' }>[]
  readonly contribution: Contribution | null
  readonly acknowledged: boolean
}

export interface AfterAttestSurvivors extends Omit<AfterMasking, 'stage'> {
  readonly stage: 'attested'
  readonly survivors: Uint8Array
  readonly attestation: Uint8Array
}

export interface AfterRevealShares extends Omit<AfterAttestSurvivors, 'stage'> {
  readonly stage: 'revealed'
  readonly requestDigest: Uint8Array
  readonly reply: Reveal
}

export interface SessionEnded {
  readonly stage: 'ended'
  readonly sessionId: Uint8Array
}

export type LiveParticipantSession =
  | AfterAdvertiseKeys
  | AfterShareKeys
  | AfterMasking
  | AfterAttestSurvivors
  | AfterRevealShares
export type ParticipantSession = LiveParticipantSession | SessionEnded

export interface Stepped {
  readonly session: ParticipantSession
  readonly effects: readonly ParticipantEffect[]
}

/** Overwrites every secret of a live session. */
export function wipeSession(session: LiveParticipantSession): void {
  wipe(session.secrets.channel.secretKey)
  wipe(session.secrets.mask.secretKey)
  wipe(session.secrets.signing.secretKey)
  if (session.stage === 'advertised') return
  wipe(session.selfSeed)
  wipe(session.ownSelfShare)
  wipe(...session.incomingKeys.values())
  if (session.stage === 'shared') return
  for (const pair of session.held.values()) {
    if (pair === null) continue
    wipe(pair.selfSeedShare)
    wipe(pair.maskKeyShare)
  }
  if (session.stage !== 'revealed') return
  // The reply was recorded and sent, or never will be: the journal holds its own copy until the session is closed there.
  for (const revealed of session.reply) if (revealed.kind !== 'none') wipe(revealed.share)
}
