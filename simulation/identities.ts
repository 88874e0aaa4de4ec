/** Real certificates for a cohort: one authority, one P-256 key and X.509-SVID for everybody. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { authorityBundle, createAuthority, signSvid } from '../shared/authority/authority.ts'
import type { TrustBundle } from '../shared/identity/trust-bundle.ts'

/** One participant's, as it can be handed to a thread. */
export interface CertifiedKey {
  readonly spiffeId: string
  readonly certificateChain: readonly Uint8Array[]
  readonly privateKey: KeyObject
}

export interface CertifiedCohort {
  readonly bundle: TrustBundle
  readonly all: readonly CertifiedKey[]
}

/** Certificates for these ids, good for thirty days. `onIssued` is told how many are done. */
export async function certifyCohort(
  spiffeIds: readonly string[],
  authorityOf: { readonly trustDomain: string; readonly nowMs: number },
  onIssued: (count: number) => void = () => {},
): Promise<CertifiedCohort> {
  const { nowMs } = authorityOf
  const authority = await createAuthority(authorityOf)
  const all: CertifiedKey[] = []
  for (const spiffeId of spiffeIds) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const certificate = await signSvid({ authority, spiffeId, publicKey, nowMs, lifetimeMs: LIFETIME_MS })
    all.push({ spiffeId, certificateChain: [certificate], privateKey })
    onIssued(all.length)
  }
  return { bundle: authorityBundle(authority), all }
}

const LIFETIME_MS = 30 * 86_400_000
