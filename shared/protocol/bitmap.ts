/**
 * U2 and U3 on the wire and in signatures: a bitmap over the roster, bit i−1 for index i, least significant bit first,
 * padded with zeros to whole bytes.
 */

/** Encodes a set of 1-based roster indices over a roster of `size`. */
export function encodeBitmap(indices: Iterable<number>, size: number): Uint8Array {
  const out = new Uint8Array(Math.ceil(size / 8))
  for (const index of indices) {
    const bit = index - 1
    out[bit >> 3] = (out[bit >> 3] ?? 0) | (1 << (bit & 7))
  }
  return out
}

/** Decodes to ascending indices; `null` when the length is not that of `size` or padding is not zero. */
export function decodeBitmap(bitmap: Uint8Array, size: number): readonly number[] | null {
  if (bitmap.length !== Math.ceil(size / 8)) return null
  const indices: number[] = []
  for (let bit = 0; bit < bitmap.length * 8; bit += 1) {
    if (((bitmap[bit >> 3] ?? 0) & (1 << (bit & 7))) === 0) continue
    if (bit >= size) return null
    indices.push(bit + 1)
  }
  return indices
}
