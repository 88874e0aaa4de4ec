/**
 * Where a process's own identity comes from. A source always has one whole, checked identity: chain, key and bundle that
 * belong together. It tells listeners when that changes; a broken change keeps the old one and is reported.
 */
import type { KeyObject } from 'node:crypto'
import type { TrustBundle } from '../identity/trust-bundle.ts'

/** This process as a workload. `chain` is DER, leaf first; `notAfterMs` is when the first of the path expires. */
export interface WorkloadIdentity {
  readonly spiffeId: string
  readonly chain: readonly Uint8Array[]
  readonly privateKey: KeyObject
  readonly bundle: TrustBundle
  readonly notAfterMs: number
}

/** A live identity. `onChange` returns the function that ends the subscription. */
export interface IdentitySource {
  current(): WorkloadIdentity
  onChange(listener: (identity: WorkloadIdentity) => void): () => void
  close(): void
}
