/**
 * The one encoding of everything that is hashed, signed or derived from: a label, then fields, each behind its length.
 * Two different tuples never have the same bytes, so a signature over one can never be read as another.
 */
import { hash } from 'node:crypto'
import { invariant } from '../errors.ts'

/** Bytes stand for themselves, text is UTF-8, integers are unsigned 64-bit big-endian. */
export type TupleField = Uint8Array | string | number | bigint

const text = new TextEncoder()
const INTEGER_BYTES = 8

/** Encodes label (u16 length, UTF-8) and fields (u32 length, bytes), big-endian throughout. */
export function encodeTuple(label: string, ...fields: readonly TupleField[]): Uint8Array {
  const labelBytes = bytesOfLabel(label)
  const parts: (Uint8Array | number | bigint)[] = []
  let total = 2 + labelBytes.length
  for (const field of fields) {
    const part = typeof field === 'string' ? text.encode(field) : field
    parts.push(part)
    total += 4 + (part instanceof Uint8Array ? part.length : INTEGER_BYTES)
  }
  const out = new Uint8Array(total)
  const view = new DataView(out.buffer)
  view.setUint16(0, labelBytes.length)
  out.set(labelBytes, 2)
  let offset = 2 + labelBytes.length
  for (const part of parts) {
    if (part instanceof Uint8Array) {
      view.setUint32(offset, part.length)
      out.set(part, offset + 4)
      offset += 4 + part.length
    } else {
      view.setUint32(offset, INTEGER_BYTES)
      setInteger(view, offset + 4, part)
      offset += 4 + INTEGER_BYTES
    }
  }
  return out
}

/** SHA-256 of the encoded tuple. */
export function digestTuple(label: string, ...fields: readonly TupleField[]): Uint8Array {
  return new Uint8Array(hash('sha256', encodeTuple(label, ...fields), 'buffer'))
}

/** Labels are the constants of the protocol, a few dozen: each is encoded once. */
const labels = new Map<string, Uint8Array>()
const MOST_LABELS = 1024

function bytesOfLabel(label: string): Uint8Array {
  const known = labels.get(label)
  if (known !== undefined) return known
  const bytes = text.encode(label)
  invariant(bytes.length <= 0xffff, 'tuple label is at most 65535 bytes')
  if (labels.size < MOST_LABELS) labels.set(label, bytes)
  return bytes
}

function setInteger(view: DataView, offset: number, value: number | bigint): void {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) {
    view.setUint32(offset, Math.floor(value / 2 ** 32))
    view.setUint32(offset + 4, value % 2 ** 32)
    return
  }
  const big = BigInt(value)
  invariant(big >= 0n && big < 1n << 64n, 'tuple integers are unsigned 64-bit')
  view.setBigUint64(offset, big)
}
