/**
 * Strict DER shapes, checked before any parser sees the bytes: definite minimal lengths, everything consumed, bounded
 * depth. Two parsers read our certificates (OpenSSL and ours); bytes that are not DER could mean two things.
 */

const MAX_DEPTH = 24
const CONSTRUCTED = 0x20
const SEQUENCE = 0x30
/** Below lie the universal tags. */
const APPLICATION = 0x40
/** Universal types made of others: EXTERNAL, EMBEDDED PDV, SEQUENCE, SET, CHARACTER STRING. In DER all others are not. */
const MADE_OF_OTHERS: ReadonlySet<number> = new Set([8, 11, 16, 17, 29])

/** One element: its identifier byte, and where in the bytes it was read from its content begins and ends. */
export interface DerElement {
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

/** The one element that `bytes` are, or null where they are not exactly one. What is inside is not looked at. */
export function onlyElement(bytes: Uint8Array): DerElement | null {
  const element = readElement(bytes, 0, bytes.length)
  return element?.end === bytes.length ? element : null
}

/** The elements inside `outer`, in order, or null where its content is no whole number of elements. */
export function elementsIn(bytes: Uint8Array, outer: DerElement): readonly DerElement[] | null {
  const elements: DerElement[] = []
  for (let at = outer.contentAt; at < outer.end; ) {
    const element = readElement(bytes, at, outer.end)
    if (element === null) return null
    elements.push(element)
    at = element.end
  }
  return elements
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

/**
 * Reads one header. Null for a multi-byte tag (no certificate has one), a universal one in the wrong form, an indefinite,
 * padded or overlong length.
 */
function readElement(bytes: Uint8Array, at: number, limit: number): DerElement | null {
  const tag = bytes[at]
  const first = bytes[at + 1]
  if (tag === undefined || first === undefined || at + 2 > limit || !isTag(tag)) return null
  if (first < 0x80) return element(tag, at + 2, first, limit)
  const lengthBytes = first & 0x7f
  if (lengthBytes === 0 || lengthBytes > 3 || at + 2 + lengthBytes > limit) return null
  let length = 0
  for (let i = 0; i < lengthBytes; i++) length = length * 256 + (bytes[at + 2 + i] ?? 0)
  const minimal = lengthBytes === 1 ? length >= 0x80 : length >= 256 ** (lengthBytes - 1)
  return minimal ? element(tag, at + 2 + lengthBytes, length, limit) : null
}

function isTag(tag: number): boolean {
  const number = tag & 0x1f
  if (number === 0x1f) return false
  return tag >= APPLICATION || (number > 0 && MADE_OF_OTHERS.has(number) === ((tag & CONSTRUCTED) !== 0))
}

function element(tag: number, contentAt: number, length: number, limit: number): DerElement | null {
  return contentAt + length <= limit ? { tag, contentAt, end: contentAt + length } : null
}
