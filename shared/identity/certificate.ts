/**
 * One certificate as facts. In: DER from a peer, a file or a bundle, hostile until proven otherwise. Out: a plain
 * record of what path validation asks about, read once. OpenSSL (through node:crypto) gives key, dates and signature
 * checks; asn1-schema gives the extensions, which node does not show.
 */
import { type KeyObject, X509Certificate } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  type Extension,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  KeyUsage,
  type KeyUsageType,
  NameConstraints,
  SubjectAlternativeName,
} from '@peculiar/asn1-x509'
import { isDerSequence } from './der.ts'
import { Refusal, refuseIf } from './svid-refusal.ts'

/** The facts of one certificate. Absent extensions are null. */
export interface CertificateFacts {
  readonly der: Uint8Array
  /** OpenSSL's view, for issuer and signature checks. */
  readonly x509: X509Certificate
  readonly serialNumber: string
  /** Unix milliseconds; NaN for a date that is none, which no time satisfies. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly subjectEmpty: boolean
  readonly signatureAlgorithm: string
  /** Object ids of critical extensions this record does not read. */
  readonly criticalUnknown: readonly string[]
  readonly san: { readonly critical: boolean; readonly uris: readonly string[] } | null
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength: number | null } | null
  readonly keyUsage: { readonly critical: boolean; readonly uses: ReadonlySet<KeyUsageType> } | null
  readonly extendedKeyUsage: ReadonlySet<string> | null
  readonly nameConstraints: NameConstraints | null
}

export const MAX_CERTIFICATE_BYTES = 16 * 1024
const READ = new Set([
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
])

/** Reads one DER certificate of at most 16 KiB. Throws a `Refusal` if it is not a well-formed version 3 certificate. */
export function readCertificate(der: Uint8Array): CertificateFacts {
  refuseIf(der.length > MAX_CERTIFICATE_BYTES, 'chain_too_large', `a certificate has at most 16 KiB, not ${der.length}`)
  refuseIf(!isDerSequence(der), 'certificate_malformed', 'the certificate is not DER')
  try {
    const x509 = new X509Certificate(der)
    refuseIf(!x509.raw.equals(der), 'certificate_malformed', 'the certificate is not in its one DER form')
    return readFacts(der, x509, AsnConvert.parse(der, Certificate))
  } catch (cause) {
    if (cause instanceof Refusal) throw cause
    throw new Refusal('certificate_malformed', 'the certificate cannot be parsed', { cause })
  }
}

/** The certificate's public key; throws a `Refusal` for a type OpenSSL does not know. */
export function publicKeyOf(certificate: CertificateFacts): KeyObject {
  try {
    return certificate.x509.publicKey
  } catch (cause) {
    throw new Refusal('key_unsupported', 'the certificate holds a public key of an unknown type', { cause })
  }
}

function readFacts(der: Uint8Array, x509: X509Certificate, parsed: Certificate): CertificateFacts {
  const tbs = parsed.tbsCertificate
  const extensions: readonly Extension[] = tbs.extensions ?? []
  refuseIf(tbs.version !== 2, 'certificate_version', `the certificate is of version ${tbs.version + 1}, not 3`)
  const ids = extensions.map((extension) => extension.extnID)
  refuseIf(new Set(ids).size !== ids.length, 'extension_repeated', 'the certificate has one extension twice')
  return {
    der,
    x509,
    serialNumber: x509.serialNumber.toLowerCase(),
    notBeforeMs: x509.validFromDate.getTime(),
    notAfterMs: x509.validToDate.getTime(),
    subjectEmpty: tbs.subject.length === 0,
    signatureAlgorithm: parsed.signatureAlgorithm.algorithm,
    criticalUnknown: extensions.filter((e) => e.critical && !READ.has(e.extnID)).map((e) => e.extnID),
    ...readExtensions(new Map(extensions.map((extension) => [extension.extnID, extension]))),
  }
}

function readExtensions(
  byId: ReadonlyMap<string, Extension>,
): Pick<CertificateFacts, 'san' | 'basicConstraints' | 'keyUsage' | 'extendedKeyUsage' | 'nameConstraints'> {
  const san = byId.get(id_ce_subjectAltName)
  const basic = parse(byId.get(id_ce_basicConstraints), BasicConstraints)
  const usage = byId.get(id_ce_keyUsage)
  const extended = parse(byId.get(id_ce_extKeyUsage), ExtendedKeyUsage)
  return {
    san: san ? { critical: san.critical, uris: uriNames(parse(san, SubjectAlternativeName)) } : null,
    basicConstraints: basic && { ca: basic.cA, pathLength: basic.pathLenConstraint ?? null },
    keyUsage: usage ? { critical: usage.critical, uses: new Set(parse(usage, KeyUsage)?.toJSON()) } : null,
    extendedKeyUsage: extended && new Set(extended),
    nameConstraints: parse(byId.get(id_ce_nameConstraints), NameConstraints),
  }
}

function uriNames(san: SubjectAlternativeName | null): readonly string[] {
  return (san ?? []).flatMap((name) => name.uniformResourceIdentifier ?? [])
}

/** Decodes an extension's value, which must be exactly one DER element; a failure is caught by the caller. */
function parse<T>(extension: Extension | undefined, type: new () => T): T | null {
  if (extension === undefined) return null
  const value = new Uint8Array(extension.extnValue.buffer)
  const isBitString = value[0] === 0x03 && value[1] === value.length - 2
  refuseIf(!isBitString && !isDerSequence(value), 'certificate_malformed', `extension ${extension.extnID} is not DER`)
  return AsnConvert.parse(value, type)
}
