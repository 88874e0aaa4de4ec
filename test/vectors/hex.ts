/** Reads the hex of a vector file; spaces separate groups for the eye. */
export function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
}

/** first, first + 1, … (mod 256), as the RFCs write their inputs. */
export function ascending(first: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, place) => first + place)
}
