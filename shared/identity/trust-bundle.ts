/**
 * The trust bundle of one trust domain: the authorities that may sign its identities. In and out: the SPIFFE bundle
 * format, a JWKS (Trust Domain and Bundle §4, X509-SVID §6). A bundle does not carry its domain's name, so the caller
 * says which it is; bundles of different domains are never merged.
 */
import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { type CertificateFacts, readCertificate } from './certificate.ts'
import { isTrustDomain } from './spiffe-id.ts'
import { parseStrictJson } from './strict-json.ts'

/** Authorities as DER certificates; `sequence` grows with each change; both numbers are null where not given. */
export interface TrustBundle {
  readonly trustDomain: string
  readonly authorities: readonly Uint8Array[]
  readonly sequence: number | null
  readonly refreshHintSeconds: number | null
}

export type TrustBundleResult =
  | { readonly ok: true; readonly bundle: TrustBundle }
  | { readonly ok: false; readonly code: 'trust_bundle_invalid'; readonly message: string }

const MAX_BUNDLE_BYTES = 1024 * 1024
const MAX_AUTHORITIES = 64
const KEY_TYPES: readonly unknown[] = ['EC', 'RSA']

/**
 * Parses a SPIFFE bundle for `trustDomain`. Entries of unknown `kty` or `use` and entries without `x5c` are ignored, as
 * the standard says; an X.509 authority that cannot be used (malformed, no CA, another key) refuses the whole bundle. No
 * authority at all is legal and means that every certificate of the domain is invalid.
 */
export function parseTrustBundle(jsonText: string, trustDomain: string): TrustBundleResult {
  if (!isTrustDomain(trustDomain)) return refuse(`${JSON.stringify(trustDomain)} is not a trust domain`)
  if (jsonText.length > MAX_BUNDLE_BYTES) return refuse(`a trust bundle has at most 1 MiB, not ${jsonText.length}`)
  const parsed = parseStrictJson(jsonText)
  if (!parsed.ok) return refuse(`the trust bundle is not JSON: ${parsed.message}`)
  if (!isRecord(parsed.value)) return refuse('a trust bundle is a JSON object')
  const { keys, spiffe_sequence: sequence = null, spiffe_refresh_hint: hint = null } = parsed.value
  if (!Array.isArray(keys)) return refuse('a trust bundle has a list "keys"')
  if (!isCount(sequence)) return refuse('"spiffe_sequence" is a whole number from 0 to 2^53 - 1')
  if (!isCount(hint)) return refuse('"spiffe_refresh_hint" is a whole number of seconds')
  const authorities: Uint8Array[] = []
  for (const [index, key] of keys.entries()) {
    if (!isRecord(key)) return refuse(`keys[${index}] is not an object`)
    const { use, kty, x5c } = key
    if (use !== 'x509-svid' || !KEY_TYPES.includes(kty) || x5c === undefined) continue
    const authority = readAuthority(key)
    if (typeof authority === 'string') return refuse(`keys[${index}] ${authority}`)
    authorities.push(authority)
  }
  if (authorities.length > MAX_AUTHORITIES) return refuse(`a trust bundle has at most ${MAX_AUTHORITIES} authorities`)
  return { ok: true, bundle: { trustDomain, authorities, sequence, refreshHintSeconds: hint } }
}

/** Writes `bundle` as a SPIFFE bundle; {@link parseTrustBundle} reads back the same. */
export function encodeTrustBundle(bundle: TrustBundle): string {
  const keys = bundle.authorities.map((der) => ({
    use: 'x509-svid',
    ...readCertificate(der).x509.publicKey.export({ format: 'jwk' }),
    x5c: [Buffer.from(der).toString('base64')],
  }))
  return `${JSON.stringify(
    {
      ...(bundle.sequence === null ? {} : { spiffe_sequence: bundle.sequence }),
      ...(bundle.refreshHintSeconds === null ? {} : { spiffe_refresh_hint: bundle.refreshHintSeconds }),
      keys,
    },
    null,
    2,
  )}\n`
}

/** What is wrong with a DER certificate as an authority, in words after its name, or null. */
export function authorityProblem(der: Uint8Array): string | null {
  let facts: CertificateFacts
  try {
    facts = readCertificate(der)
  } catch {
    return 'is not a DER certificate'
  }
  const isAuthority = facts.basicConstraints?.ca === true && facts.keyUsage?.uses.has('keyCertSign') === true
  return isAuthority ? null : 'is not a CA certificate'
}

/** Returns the DER certificate of one key, or what is wrong with it. */
function readAuthority(key: Readonly<Record<string, unknown>>): Uint8Array | string {
  const { x5c } = key
  const first: unknown = Array.isArray(x5c) ? x5c[0] : undefined
  if (typeof first !== 'string') return 'has no certificate in "x5c"'
  const der = new Uint8Array(Buffer.from(first, 'base64'))
  if (Buffer.from(der).toString('base64') !== first) return 'has an "x5c" that is not standard base64'
  const problem = authorityProblem(der)
  if (problem !== null) return problem
  return keyMatches(key, der) ? der : 'holds another key than its certificate'
}

function keyMatches(key: Readonly<Record<string, unknown>>, der: Uint8Array): boolean {
  try {
    const stated = createPublicKey({ key: key as JsonWebKey, format: 'jwk' })
    return stated.equals(readCertificate(der).x509.publicKey)
  } catch {
    return false
  }
}

function isCount(value: unknown): value is number | null {
  return value === null || (Number.isSafeInteger(value) && (value as number) >= 0)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refuse(message: string): TrustBundleResult {
  return { ok: false, code: 'trust_bundle_invalid', message }
}
