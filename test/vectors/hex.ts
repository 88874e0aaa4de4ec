/** Hex, as the vector files write bytes: two lower-case digits each; spaces separate groups for the eye. */

export function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
}

export function hex(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')
}

/** first, first + 1, … (mod 256), as the RFCs write their inputs. */
export function ascending(first: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, place) => first + place)
}
