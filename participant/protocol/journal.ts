/**
 * What a participant must remember across a crash, and nothing else: facts, each recorded durably before the bytes it
 * guards leave. No secrets but the stage-4 reply, which the coordinator is about to receive, and which is deleted when the
 * session is over. This is the stored form of a participant's session: its secrets live in memory only, so an agent that
 * restarts is a dropout of its live session, and can do nothing in it but repeat a recorded reply.
 */
import type { Reveal } from '../../shared/protocol/reveal.ts'

export type JournalFact =
  /** Before the advertisement leaves. Entering another session durably abandons this one. */
  | {
      readonly kind: 'session-opened'
      readonly sessionId: Uint8Array
      readonly modelDigest: Uint8Array
      readonly planDigest: Uint8Array
      readonly round: number
      readonly atMs: number
    }
  /** Before anything is dealt: one roster per session. */
  | { readonly kind: 'roster-accepted'; readonly sessionId: Uint8Array; readonly rosterDigest: Uint8Array }
  /** Before the first complaint or masked byte: one U2 per session. */
  | { readonly kind: 'shared-set-accepted'; readonly sessionId: Uint8Array; readonly shared: Uint8Array }
  /** Before the first masked byte: this update is never masked again. */
  | { readonly kind: 'update-spent'; readonly sessionId: Uint8Array; readonly updateDigest: Uint8Array }
  /** Before the signature leaves: one U3 per session. */
  | { readonly kind: 'survivors-attested'; readonly sessionId: Uint8Array; readonly survivors: Uint8Array }
  /** Before the shares leave. */
  | {
      readonly kind: 'answered'
      readonly sessionId: Uint8Array
      readonly requestDigest: Uint8Array
      readonly reply: Reveal
    }
  /** The session is over for this participant: the reply is deleted. */
  | { readonly kind: 'session-closed'; readonly sessionId: Uint8Array }

/**
 * What masked sessions are counted by. The model is named by its bytes; the round of a plan stands beside it because a
 * coordinator can spell one model in many ways, and rounds of a plan in only so many.
 */
export interface SessionTarget {
  readonly modelDigest: Uint8Array
  readonly planDigest: Uint8Array
  readonly round: number
}

/** What the core asks of the journal. Answers reflect every fact recorded so far. */
export interface JournalView {
  knowsSession(sessionId: Uint8Array): boolean
  /** Whether a session of this plan, opened at this time (Unix milliseconds) or later, has spent an update. */
  tookPartSince(planDigest: Uint8Array, ms: number): boolean
  isSpent(updateDigest: Uint8Array): boolean
  /** How many sessions have spent an update: on this global model, or in this round of this plan, whichever are more. */
  maskedSessionsOn(target: SessionTarget): number
  /** How many sessions opened at this time (Unix milliseconds) or later have spent an update. */
  maskedSessionsSince(ms: number): number
  replyOf(sessionId: Uint8Array): { readonly requestDigest: Uint8Array; readonly reply: Reveal } | null
}
