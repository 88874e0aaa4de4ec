/**
 * What happened to a run, in order: the bodies of its events, one type per kind. They are persisted as JSON, replayed to
 * whoever watches, and documented in docs/operations.md; a field once published keeps its meaning.
 */

/** Securely summed over the cohort; a name is absent when nobody had examples for it. */
export interface RoundMetrics {
  /** Σ of min(examples, maxExamples) over the survivors. */
  readonly examples?: number
  readonly trainLoss?: number
  readonly evalExamples?: number
  readonly evalLoss?: number
  readonly evalAccuracy?: number
}

export type StageName =
  | 'prepare'
  | 'advertise-keys'
  | 'share-keys'
  | 'mask-input'
  | 'attest-survivors'
  | 'reveal-shares'
  | 'unmask'

export type RunEventBody =
  | { readonly kind: 'run_submitted'; readonly body: { name: string; by: string; rounds: number; enrolled: number } }
  | {
      readonly kind: 'round_started'
      readonly body: { round: number; attempt: number; cohort: readonly string[]; evaluateOnly: boolean }
    }
  | {
      readonly kind: 'participant_ready'
      readonly body: { round: number; attempt: number; spiffeId: string; ready: boolean; code: string; message: string }
    }
  | {
      readonly kind: 'participant_withdrew'
      readonly body: { round: number; attempt: number; spiffeId: string; code: string; message: string }
    }
  | {
      readonly kind: 'stage'
      readonly body: { round: number; attempt: number; stage: StageName; answered: number; of: number }
    }
  /** The coordinator was started again and goes on with the session where it was; `session` in hex. */
  | {
      readonly kind: 'session_resumed'
      readonly body: { round: number; attempt: number; session: string; stage: StageName }
    }
  | {
      readonly kind: 'session_aborted'
      readonly body: {
        round: number
        attempt: number
        attempts: number
        reason: string
        detail: string
        named: readonly string[]
      }
    }
  | { readonly kind: 'version_published'; readonly body: VersionPublished }
  | { readonly kind: 'final_evaluated'; readonly body: FinalEvaluated }
  | { readonly kind: 'run_paused'; readonly body: { reason: string; by: string } }
  | { readonly kind: 'run_resumed'; readonly body: { by: string } }
  | { readonly kind: 'run_completed'; readonly body: { version: number; bestVersion: number } }
  | { readonly kind: 'run_cancelled'; readonly body: { by: string } }

export type RunEventKind = RunEventBody['kind']

export interface VersionPublished {
  readonly version: number
  readonly modelSha256: string
  readonly survivors: number
  readonly roster: number
  /** trainLoss of this round; evaluation of the version trained FROM, version − 1. */
  readonly metrics: RoundMetrics
  /** The most that one participant sent in this round: encoded request bytes. */
  readonly bytesUpPerSite: number
  /** What the update would be as plain float32. */
  readonly float32Bytes: number
  readonly seconds: number
}

export interface FinalEvaluated {
  readonly version: number
  /** Of `version` itself; empty when the session failed. */
  readonly metrics: RoundMetrics
  /** Why there are no metrics, or empty. */
  readonly reason: string
}

/** An event as stored: numbered from 1 within its run. */
export interface StoredEvent {
  readonly sequence: number
  readonly atMs: number
  readonly kind: RunEventKind
  readonly body: string
}
