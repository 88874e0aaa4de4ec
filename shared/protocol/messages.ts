/**
 * What the two cores say to each other, as plain data: the coordinator's instruction for one participant at one stage,
 * and the participant's message. The wire carries the same fields; shared/wire converts.
 */
import type { Deal, DealForHolder } from './deal.ts'
import type { QuorumCertificate } from './quorum-certificate.ts'
import type { AbortReason, RefusalCode } from './refusal-codes.ts'
import type { Reveal } from './reveal.ts'
import type { RosterEntry, RosterLine } from './roster.ts'

/** Coordinator → one participant: where the session stands for it. Derived from the state, so it can be told again at any time. */
export type Instruction =
  | { readonly kind: 'advertise-keys' }
  | {
      readonly kind: 'share-keys'
      readonly ownIndex: number
      readonly lines: readonly RosterLine[]
      readonly neighbours: readonly { readonly index: number; readonly entry: RosterEntry }[]
      readonly threshold: number
    }
  | { readonly kind: 'mask-input'; readonly shared: Uint8Array; readonly deals: readonly DealForHolder[] }
  | { readonly kind: 'attest-survivors'; readonly survivors: Uint8Array }
  | { readonly kind: 'reveal-shares'; readonly certificate: QuorumCertificate }
  | { readonly kind: 'session-over'; readonly completed: boolean; readonly reason: string }

/** Participant → coordinator. The sender is the SPIFFE ID of the connection, never a field. */
export type ParticipantMessage =
  | { readonly kind: 'advertise-keys'; readonly entry: RosterEntry }
  | { readonly kind: 'share-keys'; readonly deal: Deal }
  | {
      readonly kind: 'no-share'
      readonly owner: number
      readonly ciphertextDigest: Uint8Array
      readonly signature: Uint8Array
    }
  | { readonly kind: 'contribution'; readonly digest: Uint8Array; readonly signature: Uint8Array }
  | { readonly kind: 'attest-survivors'; readonly signature: Uint8Array }
  | { readonly kind: 'reveal-shares'; readonly shares: Reveal }
  | { readonly kind: 'withdraw'; readonly code: string; readonly message: string }

/** What became of a message: the transport maps a rejection to a status. */
export type MessageOutcome =
  | { readonly kind: 'accepted'; readonly repeated: boolean }
  | { readonly kind: 'rejected'; readonly code: RefusalCode; readonly message: string }

export type { AbortReason, RefusalCode }
