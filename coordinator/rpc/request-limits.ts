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
/** Methods whose requests carry lists one level down. What the others carry there is bytes, and may look like anything. */
const NESTED: ReadonlySet<string> = new Set(['advertiseKeys', 'shareKeys', 'revealShares'])
/** Fields of the message, and of the messages in it where there are lists: four per participant of the largest graph. */
export const MAX_FIELDS = 4 * MAX_COMPLETE_GRAPH + 96
const VARINT = 0
const FIXED_64 = 1
const LENGTH_DELIMITED = 2
const FIXED_32 = 5

/** Why a request of this method is not decoded, or `null`. */
export function requestFlaw(method: string, bytes: Uint8Array): string | null {
  const limit = BYTES[method] ?? DEFAULT_BYTES
  if (bytes.length > limit) return `${method}: ${bytes.length} bytes, at most ${limit} are read`
  const fields = countFields(bytes, { start: 0, end: bytes.length }, NESTED.has(method))
  return fields > MAX_FIELDS ? `${method}: more than ${MAX_FIELDS} fields` : null
}

/**
 * Fields at the top level and, with `nested`, in the messages there. Stops beyond the limit; what is no protobuf is left to
 * the decoder.
 */
function countFields(
  bytes: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number },
  nested: boolean,
): number {
  let count = 0
  let at = start
  while (at < end && count <= MAX_FIELDS) {
    const key = readVarint(bytes, at, end)
    if (key === null) break
    at = key.next
    count += 1
    const wireType = key.value & 7
    if (wireType === FIXED_64) at += 8
    else if (wireType === FIXED_32) at += 4
    else if (wireType === VARINT || wireType === LENGTH_DELIMITED) {
      const number = readVarint(bytes, at, end)
      if (number === null) break
      at = number.next
      if (wireType === VARINT) continue
      const inner = { start: at, end: Math.min(at + number.value, end) }
      if (nested) count += countFields(bytes, inner, false)
      at = inner.end
    } else break
  }
  return count
}

function readVarint(
  bytes: Uint8Array,
  at: number,
  end: number,
): { readonly value: number; readonly next: number } | null {
  let value = 0
  for (let place = 0; place < 10 && at + place < end; place += 1) {
    const byte = bytes[at + place] ?? 0
    if (place < 4) value += (byte & 0x7f) * 2 ** (7 * place)
    else if ((byte & 0x7f) !== 0) value = Number.MAX_SAFE_INTEGER
    if (byte < 0x80) return { value, next: at + place + 1 }
  }
  return null
}
