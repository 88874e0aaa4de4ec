/**
 * The values of the extensions that path validation asks about (RFC 5280 §4.2.1), each exactly one strict DER element of
 * its own type. In: the content of the extension's OCTET STRING. Out: plain data, or a thrown `Refusal`.
 */
import { AsnConvert } from '@peculiar/asn1-schema'
import { NameConstraints } from '@peculiar/asn1-x509'
import { contentOf, inside, malformed, readBoolean, readInteger, readObjectId, TAG } from './certificate-fields.ts'
import { type DerElement, isDerSequence, onlyElement } from './der.ts'

/** The bits of KeyUsage, in order. */
const USES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'crlSign',
  'encipherOnly',
  'decipherOnly',
] as const
export type KeyUse = (typeof USES)[number]

/** [6] of GeneralName, an IA5String. */
const URI_NAME = 0x86
/** Every form of a GeneralName, [0] to [8], the structured ones marked as constructed. */
const NAME_FORMS = new Set([0xa0, 0x81, 0x82, 0xa3, 0xa4, 0xa5, URI_NAME, 0x87, 0x88])

export interface BasicConstraintsValue {
  readonly ca: boolean
  readonly pathLength: number | null
}

export function readBasicConstraints(value: Uint8Array): BasicConstraintsValue {
  const parts = inside(value, onlySequence(value), TAG.sequence)
  const stated = parts[0]?.tag === TAG.boolean
  const rest = stated ? parts.slice(1) : parts
  if (rest.length > 1) malformed('basic constraints have two parts at most')
  return {
    ca: stated && readBoolean(value, parts[0]),
    pathLength: rest.length === 0 ? null : readInteger(value, rest[0]),
  }
}

export function readKeyUsage(value: Uint8Array): ReadonlySet<KeyUse> {
  const [unused, ...octets] = contentOf(value, onlyElement(value) ?? undefined, TAG.bitString)
  if (unused === undefined || unused > 7) return malformed('a bit string begins with the number of its unused bits')
  const bits = octets.length * 8 - unused
  const isSet = (bit: number) => bit < bits && ((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0
  return new Set(USES.filter((_, bit) => isSet(bit)))
}

export function readExtendedKeyUsage(value: Uint8Array): ReadonlySet<string> {
  return new Set(inside(value, onlySequence(value), TAG.sequence).map((purpose) => readObjectId(value, purpose)))
}

/** The URI names of a subject alternative name, byte by byte: a SPIFFE ID is ASCII, which its own grammar checks. */
export function readUriNames(value: Uint8Array): readonly string[] {
  const names = inside(value, onlySequence(value), TAG.sequence)
  if (!names.every(({ tag }) => NAME_FORMS.has(tag)))
    malformed('a subject alternative name has a name of no known form')
  return names.flatMap((name) => (name.tag === URI_NAME ? latin1(contentOf(value, name, URI_NAME)) : []))
}

/** Signing certificates only, and few of them: left to the library. A failure is caught by the caller. */
export function readNameConstraints(value: Uint8Array): NameConstraints {
  onlySequence(value)
  return AsnConvert.parse(value, NameConstraints)
}

function onlySequence(value: Uint8Array): DerElement | null {
  return isDerSequence(value) ? onlyElement(value) : malformed('the value of an extension is not DER')
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
