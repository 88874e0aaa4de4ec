/**
 * What a request may weigh before it is decoded: bytes by method, and fields. Decoded messages take far more memory than
 * empty ones took on the wire (a nested message of two bytes becomes an object), so both are looked at first, in one walk
 * that allocates nothing.
 */
import { MAX_COMPLETE_GRAPH } from '../../shared/protocol/threshold.ts'
import { MAX_MESSAGE_BYTES } from '../../shared/transport/limits.ts'

const KIB = 1024
const DEFAULT_BYTES = 16 * KIB
/** By method name. A deal or a reveal over the largest complete graph fits with room to spare. */
const BYTES: Readonly<Record<string, number>> = {
  advertiseKeys: 96 * KIB,
  shareKeys: 512 * KIB,
  revealShares: 128 * KIB,
  uploadMaskedInput: MAX_MESSAGE_BYTES,
  submitRun: MAX_MESSAGE_BYTES,
}
/** The fields of a message that are messages themselves. What is bytes may look like anything and is stepped over. */
interface Shape {
  readonly [field: number]: Shape
}
const FLAT: Shape = {}
const SHAPES: Readonly<Record<string, Shape>> = {
  advertiseKeys: { 2: FLAT },
  shareKeys: { 2: { 3: FLAT, 4: FLAT } },
  reportNoShare: { 2: FLAT },
  uploadMaskedInput: { 1: FLAT, 3: FLAT },
  attestSurvivors: { 2: FLAT },
  revealShares: { 2: { 1: { 4: FLAT } } },
  submitRun: { 1: { 3: FLAT } },
}
/** Fields at all levels: a deal has eight per participant of the largest graph. */
export const MAX_FIELDS = 8 * MAX_COMPLETE_GRAPH + 96
const VARINT = 0
const FIXED_64 = 1
const LENGTH_DELIMITED = 2
const FIXED_32 = 5

/** Why a request of this method is not decoded, or `null`. */
export function requestFlaw(method: string, bytes: Uint8Array): string | null {
  const limit = BYTES[method] ?? DEFAULT_BYTES
  if (bytes.length > limit) return `${method}: ${bytes.length} bytes, at most ${limit} are read`
  const walk = { bytes, fieldsLeft: MAX_FIELDS }
  if (steps(walk, { start: 0, end: bytes.length }, SHAPES[method] ?? FLAT)) return null
  return walk.fieldsLeft < 0 ? `${method}: more than ${MAX_FIELDS} fields` : `${method}: no message of this protocol`
}

interface Walk {
  readonly bytes: Uint8Array
  fieldsLeft: number
}

/**
 * Steps through the fields of one message and of the messages in it; false when there are too many or it is ill formed.
 * Safety: everything in which the decoder could be at another place than this walk is ill formed: a group, field 0, a field
 * that ends after its message. No encoder writes them.
 */
function steps(walk: Walk, { start, end }: { readonly start: number; readonly end: number }, shape: Shape): boolean {
  let at = start
  while (at < end) {
    walk.fieldsLeft -= 1
    const key = readVarint(walk.bytes, at, end)
    if (key === null || walk.fieldsLeft < 0) return false
    at = key.next
    const field = Math.floor(key.value / 8)
    const wireType = key.value % 8
    if (field === 0) return false
    if (wireType === FIXED_64) at += 8
    else if (wireType === FIXED_32) at += 4
    else if (wireType === VARINT || wireType === LENGTH_DELIMITED) {
      const number = readVarint(walk.bytes, at, end)
      if (number === null) return false
      at = number.next
      if (wireType === VARINT) continue
      const inner = { start: at, end: at + number.value }
      const innerShape = shape[field]
      if (inner.end > end) return false
      if (innerShape !== undefined && !steps(walk, inner, innerShape)) return false
      at = inner.end
    } else return false
  }
  return at === end
}

/** A varint as the decoder reads keys and lengths: 32 bits, whatever stands above them. */
function readVarint(
  bytes: Uint8Array,
  at: number,
  end: number,
): { readonly value: number; readonly next: number } | null {
  let value = 0
  for (let place = 0; place < 10 && at + place < end; place += 1) {
    const byte = bytes[at + place] ?? 0
    if (place < 4) value += (byte & 0x7f) * 2 ** (7 * place)
    else if (place === 4) value += (byte & 0x0f) * 2 ** 28
    if (byte < 0x80) return { value, next: at + place + 1 }
  }
  return null
}
