/**
 * What the store holds. Columns are text and integers only, so that the same schema fits PostgreSQL: times are
 * milliseconds since 1970, digests are lower-case hex, structured values are JSON text. Models, provenance and records are
 * content-addressed files; rows name them by SHA-256.
 */

/** One plan document: canonical JSON, stored as it was submitted. */
export interface PlanTable {
  digest: string
  document: string
  created_at_ms: number
  /** Its author's signature, in the form of shared/plan/plan-signature-form.ts; null for plans older than signatures. */
  signature: string | null
}

export interface RunTable {
  id: string
  name: string
  plan_digest: string
  state: string
  /** Why the run is in its state, in words; empty when nothing needs saying. */
  reason: string
  submitted_by: string
  created_at_ms: number
  /** 1 once the session that judges the final version has been tried. */
  final_evaluated: number
}

export interface VersionTable {
  run_id: string
  version: number
  model_digest: string
  /** The signed provenance (a Sigstore bundle). */
  provenance_digest: string
  /** The record of the session that made it; null for version 0. */
  session_record_digest: string | null
  published_at_ms: number
  survivors: number
  roster: number
  /** JSON {examples, trainLoss}: summed in the session that made this version; "{}" for version 0. */
  training_metrics: string
  /** JSON {evalExamples, evalLoss, evalAccuracy}: summed in a later session over this version; null until judged. */
  evaluation_metrics: string | null
}

export interface RunEventTable {
  run_id: string
  sequence: number
  at_ms: number
  kind: string
  body: string
}

/** One try at a round's session. `outcome` is live, completed or aborted. */
export interface SessionAttemptTable {
  session_id: string
  run_id: string
  round: number
  attempt: number
  opened_at_ms: number
  ended_at_ms: number | null
  outcome: string
  reason: string
  /** JSON list of the SPIFFE IDs caught breaking the protocol: left out of the run's next session. */
  named: string
}

/** A session that has not ended, or whose sum is not published yet; what it leaves behind is its row above. */
export interface LiveSessionTable {
  session_id: string
  /** Which of the tries that the plan allows at this round it is. */
  tried: number
  /** JSON list of the SPIFFE IDs that serve it. */
  cohort: string
  /** When the round's first cohort had gathered. */
  round_started_at_ms: number
  train_deadline_at_ms: number
  /** What stage 0 was opened with, in stored form; null while the cohort still trains. */
  setup: string | null
  /** Of the present stage; null while the cohort still trains. */
  stage_opened_at_ms: number | null
  stage_deadline_at_ms: number | null
  /** The file in the spool folder with the sum of the masked inputs of these contributors, and its SHA-256; null before one. */
  sum_file: string | null
  sum_digest: string | null
  /** JSON list of roster indices. */
  sum_contributors: string | null
}

/** What changed a live session, in order and in stored form. Revealed shares are among it, until the session ends. */
export interface SessionFactTable {
  session_id: string
  sequence: number
  body: string
}

/** SHA-256 of a whole block of a masked input that is on its way in; its bytes are on disk. */
export interface UploadBlockTable {
  session_id: string
  roster_index: number
  block: number
  digest: string
}

export interface Tables {
  plan: PlanTable
  run: RunTable
  version: VersionTable
  run_event: RunEventTable
  session_attempt: SessionAttemptTable
  live_session: LiveSessionTable
  session_fact: SessionFactTable
  upload_block: UploadBlockTable
}
