/**
 * Made by an independent Python reference that multiplies as plain polynomials with long division by
 * z^16 + z^12 + z^3 + z + 1 and evaluates Σ c_d x^d term by term. Coefficient words are big-endian: c_0 the secret
 * 00 01 … 1f, c_1 and c_2 the first and second 32 of the 64 bytes (7 i + 3) mod 256.
 */
export const shamirShares = {
  threshold: 3,
  secret: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
  shares: {
    1: 'e0e1e2e3e425262728696a6b6c6d2e2f3031f2f3f4f5f63738393a7b7c7d7e7f',
    2: 'b9a0d7cef64c683f12053c6b7e49c1ecab8694a3b6e1db4f51283f063d24534a',
    3: '5940372e166c481f32655c0b1e29e1cc8ba6744356013b6f71081f665d44332a',
    64: '376cfb04b4b47cc69753fcae14e06970aae3f87e5fac7ba6ac3f5841179adbf2',
    65535: '8863684730f7917fa3dec2ff70b75d5bb8dc1956cde2a1c215f932eb01a6e182',
  },
} as const

/** The `rng` that yields the coefficients of the vector. */
export function vectorRng(lengthBytes: number): Uint8Array {
  return Uint8Array.from({ length: lengthBytes }, (_, place) => 7 * place + 3)
}

export const products = [
  [0x8000, 0x0002, 0x100b],
  [0xffff, 0xffff, 0x0733],
  [0x1234, 0xabcd, 0x4792],
] as const

export const inverses = [
  [0x0002, 0x8805],
  [0x1234, 0x2ce9],
  [0xffff, 0x0894],
] as const
