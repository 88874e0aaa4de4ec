/**
 * The embedded identity authority: a root certificate for one trust domain and the short-lived X.509-SVIDs it signs. In:
 * names, lifetimes, the time. Out: certificates and keys as values; files are authority-folder's part. It is for demos
 * and tests: its key lies in a file and it asks nobody who is who. Production uses SPIRE or the sites' own CA.
 */
import 'reflect-metadata'
import { generateKeyPairSync, type KeyObject, randomBytes, type webcrypto, X509Certificate } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import type { TrustBundle } from '../identity/trust-bundle.ts'

/** Printed by every command that uses the embedded authority. */
export const AUTHORITY_WARNING =
  'This is the embedded authority, for demos and tests: whoever can read its key can be anybody. ' +
  "In production let SPIRE or the consortium's own CA issue the identities, and never the coordinator's operator."

export const DEFAULT_SVID_LIFETIME_MS = 24 * 3_600_000
export const DEFAULT_AUTHORITY_LIFETIME_MS = 365 * 24 * 3_600_000
/** Certificates begin this long before they are made, for clocks that run a little behind. */
const BACKDATE_MS = 60_000

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** A trust domain's signing key and its self-signed certificate (DER). */
export interface Authority {
  readonly trustDomain: string
  readonly certificate: Uint8Array
  readonly privateKey: KeyObject
}

/** Makes the root of `trustDomain`: EC P-256, an SVID without a path, for workload certificates only (path length 0). */
export async function createAuthority(request: {
  readonly trustDomain: string
  readonly nowMs: number
  readonly lifetimeMs?: number
}): Promise<Authority> {
  const { trustDomain, nowMs, lifetimeMs = DEFAULT_AUTHORITY_LIFETIME_MS } = request
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicKey = await forVerifying(keys.publicKey)
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: freshSerialNumber(),
    name: [{ O: [trustDomain] }, { CN: ['blindsum demo authority'] }],
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + lifetimeMs),
    signingAlgorithm: ALGORITHM,
    keys: { publicKey, privateKey: await forSigning(keys.privateKey) },
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      new SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${trustDomain}` }]),
      await SubjectKeyIdentifierExtension.create(publicKey),
    ],
  })
  return { trustDomain, certificate: new Uint8Array(certificate.rawData), privateKey: keys.privateKey }
}

/**
 * Signs a workload certificate for `publicKey` (EC P-256) and returns it as DER. It begins a minute ago and ends after
 * `lifetimeMs` or with the authority, whichever is first. The caller has checked `spiffeId`.
 */
export async function signSvid(request: {
  readonly authority: Authority
  readonly spiffeId: string
  readonly publicKey: KeyObject
  readonly nowMs: number
  readonly lifetimeMs?: number
}): Promise<Uint8Array> {
  const { authority, spiffeId, nowMs, lifetimeMs = DEFAULT_SVID_LIFETIME_MS } = request
  const root = new X509Certificate(authority.certificate)
  const publicKey = await forVerifying(request.publicKey)
  const certificate = await X509CertificateGenerator.create({
    serialNumber: freshSerialNumber(),
    subject: [{ O: [authority.trustDomain] }],
    issuer: [{ O: [authority.trustDomain] }, { CN: ['blindsum demo authority'] }],
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(Math.min(nowMs + lifetimeMs, root.validToDate.getTime())),
    signingAlgorithm: ALGORITHM,
    publicKey,
    signingKey: await forSigning(authority.privateKey),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension([{ type: 'url', value: spiffeId }]),
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(await forVerifying(root.publicKey)),
    ],
  })
  return new Uint8Array(certificate.rawData)
}

/** The trust bundle that everybody who is to accept this authority's identities needs. */
export function authorityBundle(authority: Authority): TrustBundle {
  const { trustDomain, certificate } = authority
  return { trustDomain, authorities: [certificate], sequence: 1, refreshHintSeconds: null }
}

/** 16 random bytes as hex, the first between 0x40 and 0x7f: positive, and never shortened by DER. */
function freshSerialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

async function forSigning(key: KeyObject): Promise<webcrypto.CryptoKey> {
  return key.toCryptoKey(ALGORITHM, false, ['sign'])
}

async function forVerifying(key: KeyObject): Promise<webcrypto.CryptoKey> {
  return key.toCryptoKey(ALGORITHM, true, ['verify'])
}
