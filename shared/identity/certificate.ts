/**
 * One certificate as facts. In: DER from a peer, a file or a bundle, hostile until proven otherwise. Out: a plain
 * record of what path validation asks about, read once. OpenSSL (through node:crypto) gives key, dates and signature
 * checks; certificate-fields.ts and extension-values.ts read what node does not show.
 */
import { type KeyObject, X509Certificate } from 'node:crypto'
import type { NameConstraints } from '@peculiar/asn1-x509'
import { type CertificateFields, type ExtensionField, readFields } from './certificate-fields.ts'
import { isDerSequence } from './der.ts'
import {
  type BasicConstraintsValue,
  type KeyUse,
  readBasicConstraints,
  readExtendedKeyUsage,
  readKeyUsage,
  readNameConstraints,
  readUriNames,
} from './extension-values.ts'
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
  readonly basicConstraints: BasicConstraintsValue | null
  readonly keyUsage: { readonly critical: boolean; readonly uses: ReadonlySet<KeyUse> } | null
  readonly extendedKeyUsage: ReadonlySet<string> | null
  readonly nameConstraints: NameConstraints | null
}

export const MAX_CERTIFICATE_BYTES = 16 * 1024
const KEY_USAGE = '2.5.29.15'
const SUBJECT_ALT_NAME = '2.5.29.17'
const BASIC_CONSTRAINTS = '2.5.29.19'
const NAME_CONSTRAINTS = '2.5.29.30'
const EXTENDED_KEY_USAGE = '2.5.29.37'
const READ = new Set([KEY_USAGE, SUBJECT_ALT_NAME, BASIC_CONSTRAINTS, NAME_CONSTRAINTS, EXTENDED_KEY_USAGE])

/** Reads one DER certificate of at most 16 KiB. Throws a `Refusal` if it is not a well-formed version 3 certificate. */
export function readCertificate(der: Uint8Array): CertificateFacts {
  refuseIf(der.length > MAX_CERTIFICATE_BYTES, 'chain_too_large', `a certificate has at most 16 KiB, not ${der.length}`)
  refuseIf(!isDerSequence(der), 'certificate_malformed', 'the certificate is not DER')
  try {
    const x509 = new X509Certificate(der)
    refuseIf(!x509.raw.equals(der), 'certificate_malformed', 'the certificate is not in its one DER form')
    return readFacts(der, x509, readFields(der))
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

function readFacts(der: Uint8Array, x509: X509Certificate, fields: CertificateFields): CertificateFacts {
  const { version, subjectEmpty, signatureAlgorithm, extensions } = fields
  refuseIf(version !== 3, 'certificate_version', `the certificate is of version ${version}, not 3`)
  const byId = new Map(extensions.map((extension) => [extension.id, extension]))
  refuseIf(byId.size !== extensions.length, 'extension_repeated', 'the certificate has one extension twice')
  return {
    der,
    x509,
    serialNumber: x509.serialNumber.toLowerCase(),
    notBeforeMs: x509.validFromDate.getTime(),
    notAfterMs: x509.validToDate.getTime(),
    subjectEmpty,
    signatureAlgorithm,
    criticalUnknown: extensions.filter(({ critical, id }) => critical && !READ.has(id)).map(({ id }) => id),
    ...readExtensions(byId),
  }
}

function readExtensions(
  byId: ReadonlyMap<string, ExtensionField>,
): Pick<CertificateFacts, 'san' | 'basicConstraints' | 'keyUsage' | 'extendedKeyUsage' | 'nameConstraints'> {
  const read = <T>(id: string, reader: (value: Uint8Array) => T): T | null => {
    const extension = byId.get(id)
    return extension === undefined ? null : reader(extension.value)
  }
  const uris = read(SUBJECT_ALT_NAME, readUriNames)
  const uses = read(KEY_USAGE, readKeyUsage)
  return {
    san: uris && { critical: byId.get(SUBJECT_ALT_NAME)?.critical === true, uris },
    basicConstraints: read(BASIC_CONSTRAINTS, readBasicConstraints),
    keyUsage: uses && { critical: byId.get(KEY_USAGE)?.critical === true, uses },
    extendedKeyUsage: read(EXTENDED_KEY_USAGE, readExtendedKeyUsage),
    nameConstraints: read(NAME_CONSTRAINTS, readNameConstraints),
  }
}
