/**
 * What OpenSSL does not tell of a certificate, read from its DER: version, whether the subject is empty, the signature
 * algorithm, the extensions. In: bytes already found to be strict DER and parsed by OpenSSL, so their outline is known
 * to be a certificate's; what is not where RFC 5280 §4.1 puts it is refused all the same.
 */
import { type DerElement, elementsIn, onlyElement } from './der.ts'
import { Refusal } from './svid-refusal.ts'

/** One extension; `value` is a view of the content of its OCTET STRING. */
export interface ExtensionField {
  readonly id: string
  readonly critical: boolean
  readonly value: Uint8Array
}

export interface CertificateFields {
  /** As people count: 3 is X.509 version 3. */
  readonly version: number
  readonly subjectEmpty: boolean
  readonly signatureAlgorithm: string
  readonly extensions: readonly ExtensionField[]
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  sequence: 0x30,
} as const
/** [0] and [3] of TBSCertificate, both explicit: the version and the extensions. */
const VERSION = 0xa0
const EXTENSIONS = 0xa3

/** The fields of one certificate. Throws a `Refusal`. */
export function readFields(der: Uint8Array): CertificateFields {
  const [tbs, algorithm, signature] = inside(der, onlyElement(der), TAG.sequence)
  if (signature === undefined) return malformed('it has fewer than three parts')
  const fields = inside(der, tbs, TAG.sequence)
  const versioned = fields[0]?.tag === VERSION
  const [, , , , subject] = versioned ? fields.slice(1) : fields
  const outer = fields.find((field) => field.tag === EXTENSIONS)
  const listed = outer === undefined ? [] : inside(der, inside(der, outer, EXTENSIONS)[0], TAG.sequence)
  return {
    version: versioned ? readInteger(der, inside(der, fields[0], VERSION)[0]) + 1 : 1,
    subjectEmpty: inside(der, subject, TAG.sequence).length === 0,
    signatureAlgorithm: readObjectId(der, inside(der, algorithm, TAG.sequence)[0]),
    extensions: listed.map((extension) => readExtension(der, extension)),
  }
}

/** The elements of a constructed value that must be there and have this tag. */
export function inside(der: Uint8Array, outer: DerElement | null | undefined, tag: number): readonly DerElement[] {
  if (outer?.tag !== tag) return malformed(`an element of type ${tag} is missing`)
  return elementsIn(der, outer) ?? malformed('an element runs over its end')
}

/** The content of an element that must be there and have this tag: a view. */
export function contentOf(der: Uint8Array, element: DerElement | undefined, tag: number): Uint8Array {
  if (element?.tag !== tag) return malformed(`an element of type ${tag} is missing`)
  return der.subarray(element.contentAt, element.end)
}

/** A BOOLEAN. */
export function readBoolean(der: Uint8Array, element: DerElement | undefined): boolean {
  const content = contentOf(der, element, TAG.boolean)
  return content.length === 1 ? content[0] !== 0 : malformed('a boolean is one byte')
}

/** A signed INTEGER; beyond 2^53 only roughly, which is enough to compare it with a small one. */
export function readInteger(der: Uint8Array, element: DerElement | undefined): number {
  const content = contentOf(der, element, TAG.integer)
  const [first] = content
  if (first === undefined) return malformed('an integer has a byte at least')
  return content.subarray(1).reduce((value, byte) => value * 256 + byte, first < 0x80 ? first : first - 0x100)
}

/** An OBJECT IDENTIFIER as numbers with dots. */
export function readObjectId(der: Uint8Array, element: DerElement | undefined): string {
  const arcs = arcsOf(contentOf(der, element, TAG.objectId))
  const [first = 0n, ...others] = arcs
  const top = first < 80n ? first / 40n : 2n
  return [top, first - 40n * top, ...others].join('.')
}

/** The numbers of an object id, seven bits a byte; the first stands for two. */
function arcsOf(content: Uint8Array): readonly bigint[] {
  const arcs: bigint[] = []
  let arc = 0n
  let within = false
  for (const byte of content) {
    if (!within && byte === 0x80) return malformed('an object id is padded')
    arc = (arc << 7n) | BigInt(byte & 0x7f)
    within = byte >= 0x80
    if (within) continue
    arcs.push(arc)
    arc = 0n
  }
  return within || arcs.length === 0 ? malformed('an object id is cut off') : arcs
}

function readExtension(der: Uint8Array, extension: DerElement): ExtensionField {
  const parts = inside(der, extension, TAG.sequence)
  const stated = parts[1]?.tag === TAG.boolean
  if (parts.length !== (stated ? 3 : 2)) return malformed('an extension has an id, perhaps a mark, and a value')
  return {
    id: readObjectId(der, parts[0]),
    critical: stated && readBoolean(der, parts[1]),
    value: contentOf(der, parts.at(-1), TAG.octetString),
  }
}

/** Refuses the certificate: strict DER, yet not what the standard puts there. */
export function malformed(what: string): never {
  throw new Refusal('certificate_malformed', `the certificate cannot be parsed: ${what}`)
}
