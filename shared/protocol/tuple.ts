/**
 * The one encoding of everything that is hashed, signed or derived from: a label, then fields, each behind its length.
 * Two different tuples never have the same bytes, so a signature over one can never be read as another.
 */
import { createHash } from 'node:crypto'
import { invariant } from '../errors.ts'

/** Bytes stand for themselves, text is UTF-8, integers are unsigned 64-bit big-endian. */
export type TupleField = Uint8Array | string | number | bigint

const text = new TextEncoder()

/** Encodes label (u16 length, UTF-8) and fields (u32 length, bytes), big-endian throughout. */
export function encodeTuple(label: string, ...fields: readonly TupleField[]): Uint8Array {
  const labelBytes = text.encode(label)
  invariant(labelBytes.length <= 0xffff, 'tuple label is at most 65535 bytes')
  const parts = fields.map(fieldBytes)
  const total = parts.reduce((sum, part) => sum + 4 + part.length, 2 + labelBytes.length)
  const out = new Uint8Array(total)
  const view = new DataView(out.buffer)
  view.setUint16(0, labelBytes.length)
  out.set(labelBytes, 2)
  let offset = 2 + labelBytes.length
  for (const part of parts) {
    view.setUint32(offset, part.length)
    out.set(part, offset + 4)
    offset += 4 + part.length
  }
  return out
}

/** SHA-256 of the encoded tuple. */
export function digestTuple(label: string, ...fields: readonly TupleField[]): Uint8Array {
  return new Uint8Array(
    createHash('sha256')
      .update(encodeTuple(label, ...fields))
      .digest(),
  )
}

function fieldBytes(field: TupleField): Uint8Array {
  if (field instanceof Uint8Array) return field
  if (typeof field === 'string') return text.encode(field)
  const value = BigInt(field)
  invariant(value >= 0n && value < 1n << 64n, 'tuple integers are unsigned 64-bit')
  const out = new Uint8Array(8)
  new DataView(out.buffer).setBigUint64(0, value)
  return out
}
