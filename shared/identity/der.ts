/**
 * Strict DER shapes, checked before any parser sees the bytes: definite minimal lengths, everything consumed, bounded
 * depth. Two parsers read our certificates (OpenSSL and asn1-schema); bytes that are not DER could mean two things.
 */

const MAX_DEPTH = 24
const CONSTRUCTED = 0x20
const SEQUENCE = 0x30

interface Element {
  readonly tag: number
  readonly contentAt: number
  readonly end: number
}

/** True if `bytes` are exactly one DER SEQUENCE, well formed at every level up to a depth of 24. */
export function isDerSequence(bytes: Uint8Array): boolean {
  return bytes[0] === SEQUENCE && areElements(bytes, { at: 0, end: bytes.length, depth: 0 }, 1)
}

/**
 * Splits concatenated DER certificates (the Workload API's form), leaf first. Returns null if the bytes are not a whole
 * number of DER SEQUENCEs.
 */
export function splitDerChain(bytes: Uint8Array): readonly Uint8Array[] | null {
  const chain: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const element = readElement(bytes, at, bytes.length)
    if (element === null || element.tag !== SEQUENCE) return null
    chain.push(Uint8Array.from(bytes.subarray(at, element.end)))
    at = element.end
  }
  return chain
}

/** Walks the elements of one constructed value; `expected` limits how many there must be, if given. */
function areElements(
  bytes: Uint8Array,
  range: { readonly at: number; readonly end: number; readonly depth: number },
  expected?: number,
): boolean {
  if (range.depth > MAX_DEPTH) return false
  let count = 0
  let at = range.at
  while (at < range.end) {
    const element = readElement(bytes, at, range.end)
    if (element === null) return false
    const inside = { at: element.contentAt, end: element.end, depth: range.depth + 1 }
    if ((element.tag & CONSTRUCTED) !== 0 && !areElements(bytes, inside)) return false
    at = element.end
    count += 1
  }
  return expected === undefined || count === expected
}

/** Reads one header. Null for a multi-byte tag (no certificate has one), an indefinite, padded or overlong length. */
function readElement(bytes: Uint8Array, at: number, limit: number): Element | null {
  const tag = bytes[at]
  const first = bytes[at + 1]
  if (tag === undefined || first === undefined || at + 2 > limit || (tag & 0x1f) === 0x1f) return null
  if (first < 0x80) return element(tag, at + 2, first, limit)
  const lengthBytes = first & 0x7f
  if (lengthBytes === 0 || lengthBytes > 3 || at + 2 + lengthBytes > limit) return null
  let length = 0
  for (let i = 0; i < lengthBytes; i++) length = length * 256 + (bytes[at + 2 + i] ?? 0)
  const minimal = lengthBytes === 1 ? length >= 0x80 : length >= 256 ** (lengthBytes - 1)
  return minimal ? element(tag, at + 2 + lengthBytes, length, limit) : null
}

function element(tag: number, contentAt: number, length: number, limit: number): Element | null {
  return contentAt + length <= limit ? { tag, contentAt, end: contentAt + length } : null
}
