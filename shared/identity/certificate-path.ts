/**
 * RFC 5280 path validation from a leaf to one authority of one trust domain. In: the facts of the presented chain and
 * of the authorities. Out: the whole path, authority last, every rule for signing certificates met and every signature
 * verified; or a thrown `Refusal`. Signatures are checked from the authority down, so a key of the peer's making is
 * never used before a trusted key vouches for it.
 */
import type { KeyObject } from 'node:crypto'
import { type CertificateFacts, publicKeyOf } from './certificate.ts'
import { CLIENT_AUTH, SERVER_AUTH } from './leaf-rules.ts'
import { checkNameConstraints } from './name-constraints.ts'
import { parseSpiffeId } from './spiffe-id.ts'
import { Refusal, refuseIf } from './svid-refusal.ts'

const ANY_EXTENDED_KEY_USAGE = '2.5.29.37.0'
/** ECDSA and RSA (PKCS #1) with SHA-256, SHA-384 and SHA-512. */
const SIGNATURE_ALGORITHMS: ReadonlySet<string> = new Set([
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
])

/** What a path is checked against: the authorities of one trust domain, at one time (Unix milliseconds). */
export interface PathAnchor {
  readonly authorities: readonly CertificateFacts[]
  readonly trustDomain: string
  readonly nowMs: number
}

/**
 * Builds and checks the path of `chain` (leaf first, each issued by the next) to an authority. Where several could have
 * issued it (a renewed authority of the same name and key), one good path is enough.
 */
export function validatePath(chain: readonly CertificateFacts[], anchor: PathAnchor): readonly CertificateFacts[] {
  const last = chain.at(-1)
  if (last === undefined) throw new Refusal('chain_empty', 'no certificate was presented')
  let refusal: Refusal | null = null
  for (const authority of anchor.authorities) {
    if (!isNamedIssuer(last, authority)) continue
    try {
      return checkPath([...chain, authority], anchor)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refusal = error
    }
  }
  throw refusal ?? new Refusal('issuer_untrusted', `no authority of ${anchor.trustDomain} issued this certificate`)
}

function checkPath(path: readonly CertificateFacts[], { trustDomain, nowMs }: PathAnchor): readonly CertificateFacts[] {
  for (let i = path.length - 1; i >= 0; i--) {
    const [below, certificate] = [path[i - 1], path[i]]
    if (certificate === undefined) continue
    checkAny(certificate)
    if (below === undefined) continue
    checkIssuer(certificate, { intermediatesBelow: i - 1, trustDomain })
    refuseIf(
      !isIssuedBy(below, certificate),
      'issuer_untrusted',
      `certificate ${i + 1} of the chain did not issue ${i}`,
    )
  }
  checkValidity(path, nowMs)
  return path
}

/** Throws unless the key is EC P-256, EC P-384 or RSA of 2048 to 8192 bits. */
function checkKey(key: KeyObject): void {
  const details = key.asymmetricKeyDetails
  const isEc = key.asymmetricKeyType === 'ec' && /^(prime256v1|secp384r1)$/.test(details?.namedCurve ?? '')
  const bits = details?.modulusLength ?? 0
  const isRsa = key.asymmetricKeyType === 'rsa' && bits >= 2048 && bits <= 8192
  refuseIf(!isEc && !isRsa, 'key_unsupported', 'a certificate key is EC P-256, EC P-384 or RSA of 2048 bits or more')
}

/** Throws `not_yet_valid` or `expired` unless every certificate of the path is valid at `nowMs` (a peer may have sent it). */
function checkValidity(path: readonly CertificateFacts[], nowMs: number): void {
  for (const { notBeforeMs, notAfterMs } of path) {
    const early = () => `a certificate of the chain is valid only from ${inWords(notBeforeMs)}; it is ${inWords(nowMs)}`
    const late = () => `a certificate of the chain expired at ${inWords(notAfterMs)}; it is ${inWords(nowMs)}`
    refuseIf(!(nowMs >= notBeforeMs), 'not_yet_valid', early)
    refuseIf(!(nowMs <= notAfterMs), 'expired', late)
  }
}

function inWords(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString()
}

/** True if `issuer` carries the name and key id that `subject` says it was issued by; no signature is checked. */
function isNamedIssuer(subject: CertificateFacts, issuer: CertificateFacts): boolean {
  return subject.x509.checkIssued(issuer.x509)
}

function isIssuedBy(subject: CertificateFacts, issuer: CertificateFacts): boolean {
  try {
    return isNamedIssuer(subject, issuer) && subject.x509.verify(issuer.x509.publicKey)
  } catch {
    return false
  }
}

/** Rules for every certificate of the path. */
function checkAny(certificate: CertificateFacts): void {
  const unknown = certificate.criticalUnknown[0]
  refuseIf(unknown !== undefined, 'extension_critical_unknown', `critical extension ${unknown} is not understood`)
  const known = SIGNATURE_ALGORITHMS.has(certificate.signatureAlgorithm)
  refuseIf(
    !known,
    'signature_algorithm_unsupported',
    `signature algorithm ${certificate.signatureAlgorithm} is not accepted`,
  )
  checkKey(publicKeyOf(certificate))
}

/** Rules for a certificate that signs others (X509-SVID §3.2, §4; RFC 5280 §6.1.4). */
function checkIssuer(
  issuer: CertificateFacts,
  place: { readonly intermediatesBelow: number; readonly trustDomain: string },
): void {
  const { basicConstraints, keyUsage, extendedKeyUsage } = issuer
  if (basicConstraints?.ca !== true) throw new Refusal('issuer_is_not_ca', 'a certificate that is no CA signed another')
  if (keyUsage === null) throw new Refusal('key_usage_missing', 'a signing certificate states no key usage')
  refuseIf(!keyUsage.critical, 'key_usage_not_critical', 'the key usage of a signing certificate is not critical')
  refuseIf(!keyUsage.uses.has('keyCertSign'), 'issuer_key_usage', 'a signing certificate may not sign certificates')
  const limit = basicConstraints.pathLength ?? Number.POSITIVE_INFINITY
  const tooDeep = !(place.intermediatesBelow <= limit)
  refuseIf(tooDeep, 'path_length_exceeded', `${place.intermediatesBelow} CAs stand below one that permits ${limit}`)
  const nested =
    extendedKeyUsage === null ||
    extendedKeyUsage.has(ANY_EXTENDED_KEY_USAGE) ||
    (extendedKeyUsage.has(SERVER_AUTH) && extendedKeyUsage.has(CLIENT_AUTH))
  refuseIf(!nested, 'extended_key_usage', 'a signing certificate forbids server or client authentication')
  for (const uri of issuer.san?.uris ?? []) {
    if (!uri.toLowerCase().startsWith('spiffe:')) continue
    const parsed = parseSpiffeId(uri)
    const bare = parsed.ok && parsed.id.path === ''
    refuseIf(!bare, 'issuer_spiffe_id', 'the SPIFFE ID of a signing certificate must be a trust domain without a path')
  }
  if (issuer.nameConstraints !== null) checkNameConstraints(issuer.nameConstraints, [place.trustDomain])
}
