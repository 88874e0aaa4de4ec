/**
 * The one validator of X.509-SVIDs: used by the TLS server and client, by stage 1 for other participants' chains and by
 * offline verification. In: a chain as presented, the bundle of one trust domain, a time. Out: a verdict; nothing a peer
 * sends makes it throw, and its cost is bounded by the size limits below. Nothing here is remembered between calls but
 * the parsed form of a bundle's authorities.
 */
import type { KeyObject } from 'node:crypto'
import { type CertificateFacts, publicKeyOf, readCertificate } from './certificate.ts'
import { validatePath } from './certificate-path.ts'
import { checkLeaf } from './leaf-rules.ts'
import { Refusal, refuseIf, type SvidRefusal } from './svid-refusal.ts'
import type { TrustBundle } from './trust-bundle.ts'

export type { SvidRefusal } from './svid-refusal.ts'

/** Certificates a peer may present: a leaf, up to six intermediates, and the authority itself. */
export const MAX_CHAIN_CERTIFICATES = 8
/** Bytes of DER a peer may present in all. */
export const MAX_CHAIN_BYTES = 64 * 1024

/**
 * What a chain proves. The dates are those between which the whole path is valid, so a connection ends at `notAfterMs`
 * even where an intermediate expires before its leaf. `serialNumber` is the leaf's, lower-case hex.
 */
export type SvidVerdict =
  | {
      readonly ok: true
      readonly spiffeId: string
      readonly trustDomain: string
      readonly publicKey: KeyObject
      readonly notBeforeMs: number
      readonly notAfterMs: number
      readonly serialNumber: string
    }
  | { readonly ok: false; readonly code: SvidRefusal; readonly message: string }

/**
 * Validates `chain` (DER, leaf first, each issued by the next) as the SVID of a workload in `bundle`'s trust domain at
 * `nowMs` (Unix milliseconds). Authorities repeated at the chain's end are dropped; no other certificate may be there
 * without a part in the path. Source: X509-SVID §5, RFC 5280 §6.
 */
export function validateSvid(chain: readonly Uint8Array[], bundle: TrustBundle, nowMs: number): SvidVerdict {
  try {
    return validate(chain, bundle, nowMs)
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, code: error.code, message: error.message }
    throw error
  }
}

function validate(chain: readonly Uint8Array[], bundle: TrustBundle, nowMs: number): SvidVerdict {
  checkSize(chain)
  const [leafDer, ...others] = chain
  if (leafDer === undefined) throw new Refusal('chain_empty', 'no certificate was presented')
  const leaf = readCertificate(leafDer)
  const id = checkLeaf(leaf)
  const elsewhere = id.trustDomain !== bundle.trustDomain
  refuseIf(elsewhere, 'trust_domain_wrong', `${id.text} is not in the trust domain ${bundle.trustDomain}`)
  const intermediates = withoutAuthorities(others, bundle).map(readCertificate)
  const anchor = { authorities: authoritiesOf(bundle), trustDomain: id.trustDomain, nowMs }
  const path = validatePath([leaf, ...intermediates], anchor)
  return {
    ok: true,
    spiffeId: id.text,
    trustDomain: id.trustDomain,
    publicKey: publicKeyOf(leaf),
    notBeforeMs: Math.max(...path.map((certificate) => certificate.notBeforeMs)),
    notAfterMs: Math.min(...path.map((certificate) => certificate.notAfterMs)),
    serialNumber: leaf.serialNumber,
  }
}

function checkSize(chain: readonly Uint8Array[]): void {
  const certificates = chain.length
  const bytes = chain.reduce((sum, der) => sum + der.length, 0)
  const tooMany = certificates > MAX_CHAIN_CERTIFICATES
  refuseIf(tooMany, 'chain_too_long', `a chain has at most ${MAX_CHAIN_CERTIFICATES} certificates, not ${certificates}`)
  refuseIf(bytes > MAX_CHAIN_BYTES, 'chain_too_large', `a chain has at most ${MAX_CHAIN_BYTES} bytes, not ${bytes}`)
}

/** Drops authorities of the bundle from the chain's end: some issuers append them, TLS stacks always do. */
function withoutAuthorities(chain: readonly Uint8Array[], bundle: TrustBundle): readonly Uint8Array[] {
  const isAuthority = (der: Uint8Array) => bundle.authorities.some((authority) => Buffer.compare(authority, der) === 0)
  const kept = chain.findLastIndex((der) => !isAuthority(der)) + 1
  return chain.slice(0, kept)
}

const parsedAuthorities = new WeakMap<TrustBundle, readonly CertificateFacts[]>()

/** Parses a bundle's authorities once; an unreadable one vouches for nobody. */
function authoritiesOf(bundle: TrustBundle): readonly CertificateFacts[] {
  const known = parsedAuthorities.get(bundle)
  if (known !== undefined) return known
  const parsed = bundle.authorities.flatMap((der) => {
    try {
      return [readCertificate(der)]
    } catch {
      return []
    }
  })
  parsedAuthorities.set(bundle, parsed)
  return parsed
}
