/**
 * Reads the protobuf wire format (https://protobuf.dev/programming-guides/encoding/) from bytes nobody vouches for.
 * Every length is checked against what is left before anything is allocated; byte fields are views, not copies; every
 * field is paid for from the model's budget.
 * Malformed input throws {@link MalformedError}, which the decoder's door turns into a ConfigError.
 */
import { type DecodeBudget, spendElements } from './decode-budget.ts'

/** The input is not what it claims to be. Never leaves shared/onnx. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError'
}

export type WireType = 0 | 1 | 2 | 5

/** One field of a message: its number, how it is written, and where its value stands. */
export type Field = {
  readonly number: number
  readonly wireType: WireType
  /** Value of a varint or fixed-width field, unsigned; 0n for a length-delimited one. */
  readonly integer: bigint
  /** Content of a length-delimited field, or the bytes of a fixed-width one. */
  readonly bytes: Uint8Array
  /** Tag and value exactly as they stood, for keeping what we do not know. */
  readonly encoded: Uint8Array
}

const NOTHING: Uint8Array = new Uint8Array(0)

/**
 * Yields the fields of one message in order. `what` names the message in errors.
 *
 * @throws ConfigError `model_too_large` when the budget ends; it never yields more fields than the budget holds.
 */
export function* readFields(message: Uint8Array, what: string, budget: DecodeBudget): Generator<Field> {
  let at = 0
  while (at < message.length) {
    spendElements(budget, 1)
    const start = at
    const tag = readVarint(message, at, what)
    at = tag.next
    const number = Number(tag.value >> 3n)
    if (number < 1 || number > 0x1fffffff) throw new MalformedError(`${what}: field number ${number} is out of range`)
    const wireType = Number(tag.value & 7n)
    let integer = 0n
    let bytes: Uint8Array = NOTHING
    if (wireType === 0) {
      const varint = readVarint(message, at, what)
      integer = varint.value
      at = varint.next
    } else if (wireType === 1 || wireType === 5) {
      bytes = take(message, at, wireType === 1 ? 8 : 4, what)
      integer = littleEndian(bytes)
      at += bytes.length
    } else if (wireType === 2) {
      const length = readVarint(message, at, what)
      bytes = take(message, length.next, Number(length.value), what)
      at = length.next + bytes.length
    } else {
      throw new MalformedError(`${what}: wire type ${wireType} of field ${number} is not in use`)
    }
    yield { number, wireType, integer, bytes, encoded: message.subarray(start, at) }
  }
}

/** Reads one varint of at most ten bytes; the value is unsigned, modulo 2^64. */
export function readVarint(from: Uint8Array, start: number, what: string): { value: bigint; next: number } {
  // Up to 28 bits fit the fast path; tags and lengths nearly always do.
  let low = 0
  for (let i = 0; i < 4; i++) {
    const byte = from[start + i]
    if (byte === undefined) throw new MalformedError(`${what}: ends inside a number`)
    low |= (byte & 0x7f) << (7 * i)
    if (byte < 0x80) return { value: BigInt(low), next: start + i + 1 }
  }
  let value = BigInt(low)
  for (let i = 4; i < 10; i++) {
    const byte = from[start + i]
    if (byte === undefined) throw new MalformedError(`${what}: ends inside a number`)
    value |= BigInt(byte & 0x7f) << BigInt(7 * i)
    if (byte < 0x80) return { value: BigInt.asUintN(64, value), next: start + i + 1 }
  }
  throw new MalformedError(`${what}: a number runs over ten bytes`)
}

/** Counts the varints in a packed field without decoding them. */
export function countVarints(packed: Uint8Array): number {
  let count = 0
  for (const byte of packed) if (byte < 0x80) count++
  return count
}

function take(from: Uint8Array, start: number, length: number, what: string): Uint8Array {
  if (!Number.isSafeInteger(length) || length > from.length - start) {
    throw new MalformedError(`${what}: a field of ${length} bytes does not fit in the ${from.length - start} left`)
  }
  return from.subarray(start, start + length)
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!)
  return value
}
