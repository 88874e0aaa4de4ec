/**
 * Everything one provenance statement says about one model version, as plain data. The coordinator writes it, the signer
 * turns it into a statement, the verifier reads it back. Names: `…Sha256` is lower-case hex, `…Digest` is 32 bytes.
 */
import type { AggregationClaim } from './aggregation-claim.ts'

/** The version before: its number, its model, and SHA-256 of its provenance bundle's file bytes. */
export interface ParentClaim {
  readonly version: number
  readonly modelSha256: string
  readonly provenanceSha256: string
}

/** The secure aggregation session that made the version. */
export interface SessionClaim {
  /** SHA-256 of the session record's file bytes. */
  readonly recordSha256: string
  readonly contextDigest: Uint8Array
  readonly rosterDigest: Uint8Array
  readonly rosterSize: number
  /** U3 as ascending 1-based roster indices. */
  readonly survivors: readonly number[]
  /** SHA-256 of the statement the quorum signed: context, roster, U2 and U3. */
  readonly survivorsDigest: Uint8Array
  /** One per survivor, in index order. */
  readonly receipts: readonly { readonly spiffeId: string; readonly sha256: string }[]
}

export interface VersionRecord {
  readonly runId: string
  /** The plan's name. */
  readonly runName: string
  /** SPIFFE ID of the coordinator. */
  readonly coordinatorId: string
  readonly softwareVersion: string
  /** 0 is the plan's initial model; version v is the outcome of round v. */
  readonly version: number
  readonly planDigest: Uint8Array
  readonly model: { readonly name: 'model.onnx'; readonly sha256: string; readonly bytes: number }
  /** Null for version 0, and only then; so is `session`. */
  readonly parent: ParentClaim | null
  readonly session: SessionClaim | null
  readonly aggregation: AggregationClaim
  /** Securely summed or derived from such sums; finite. Names are letters and digits. Version 0 has none. */
  readonly metrics: Readonly<Record<string, number>>
  readonly startedAtMs: number
  readonly finishedAtMs: number
}
