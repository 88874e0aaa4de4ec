/** Real certificates for a handful of sites: one authority, one P-256 key and SVID each. */
import { generateKeyPairSync } from 'node:crypto'
import { authorityBundle, createAuthority, signSvid } from '../../shared/authority/authority.ts'
import { signWithIdentity } from '../../shared/identity/identity-signature.ts'
import type { TrustBundle } from '../../shared/identity/trust-bundle.ts'

export const TRUST_DOMAIN = 'test.example'

export interface SiteIdentity {
  readonly spiffeId: string
  readonly certificateChain: readonly Uint8Array[]
  readonly signWithCertificate: (statement: Uint8Array) => Uint8Array
}

export interface Identities {
  readonly bundle: TrustBundle
  readonly sites: readonly SiteIdentity[]
}

/** Identities of `count` sites whose SPIFFE IDs sort in index order. */
export async function makeIdentities(count: number, nowMs: number, trustDomain = TRUST_DOMAIN): Promise<Identities> {
  const authority = await createAuthority({ trustDomain, nowMs })
  const sites: SiteIdentity[] = []
  for (let place = 0; place < count; place += 1) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const spiffeId = `spiffe://${trustDomain}/site/${String(place + 1).padStart(3, '0')}`
    const certificate = await signSvid({ authority, spiffeId, publicKey, nowMs })
    sites.push({
      spiffeId,
      certificateChain: [certificate],
      signWithCertificate: (statement) => signWithIdentity(privateKey, statement),
    })
  }
  return { bundle: authorityBundle(authority), sites }
}
