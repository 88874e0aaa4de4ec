/**
 * What changes a session, as data: one fact for every message that was taken, for everybody caught, and for every closing.
 * A fact was checked before it became one, so that the facts of a session, applied in order to the session as it was opened,
 * give its state again: without a clock, a trust bundle, or anything else of the time at which they came.
 */
import type { Deal } from '../../shared/protocol/deal.ts'
import type { AbortReason } from '../../shared/protocol/refusal-codes.ts'
import type { Reveal } from '../../shared/protocol/reveal.ts'
import type { RosterEntry } from '../../shared/protocol/roster.ts'
import type { Complaint, ContributionReceipt, LiveSession } from './session-state.ts'

export type SessionFact =
  | { readonly kind: 'advertised'; readonly entry: RosterEntry }
  | { readonly kind: 'dealt'; readonly deal: Deal }
  | { readonly kind: 'complained'; readonly complaint: Complaint }
  | { readonly kind: 'contributed'; readonly index: number; readonly receipt: ContributionReceipt }
  | { readonly kind: 'attested'; readonly index: number; readonly signature: Uint8Array }
  | { readonly kind: 'revealed'; readonly index: number; readonly reveal: Reveal }
  /** Broke the protocol: left out of this session's rest and of the next session. */
  | { readonly kind: 'caught'; readonly spiffeId: string }
  | { readonly kind: 'withdrawn'; readonly spiffeId: string }
  /** What follows from it follows from the state alone. */
  | { readonly kind: 'stage-closed'; readonly stage: LiveSession['stage'] }
  | { readonly kind: 'aborted'; readonly reason: AbortReason; readonly detail: string }
