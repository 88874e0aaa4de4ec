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

export interface Tables {
  plan: PlanTable
  run: RunTable
  version: VersionTable
  run_event: RunEventTable
  session_attempt: SessionAttemptTable
}
