/** Keys that no honest participant has: X25519 points of small order in every spelling, non-canonical ones, and no points. */

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const little = (value: bigint) => Uint8Array.from({ length: 32 }, (_, at) => Number((value >> BigInt(8 * at)) & 0xffn))

const P = 2n ** 255n - 19n
const ORDER_8 = [
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
]

/** Canonical u-coordinates of small order: https://cr.yp.to/ecdh.html#validate. */
export const SMALL_ORDER_KEYS: readonly Uint8Array[] = [little(0n), little(1n), ...ORDER_8.map(hex), little(P - 1n)]

/** The same points, or good ones, in a spelling that is not the canonical one: u ≥ p, or the top bit set. */
export const NON_CANONICAL_KEYS: readonly Uint8Array[] = [
  little(P),
  little(P + 1n),
  little(P + 9n),
  little(2n ** 255n - 1n),
  little(2n ** 256n - 1n),
  ...SMALL_ORDER_KEYS.map((key) => {
    const spelled = key.slice()
    spelled[31] = (spelled[31] ?? 0) | 0x80
    return spelled
  }),
  little(2n ** 255n + 9n),
]

const fieldPrime = 'ffffffff00000001000000000000000000000000ffffffffffffffffffffffff'

/** 33 bytes that are no compressed point of P-256 in its canonical form. */
export const HOSTILE_SIGNING_KEYS: readonly Uint8Array[] = [
  new Uint8Array(33),
  hex(`02${'00'.repeat(31)}01`),
  hex(`02${fieldPrime}`),
  hex(`03${'ff'.repeat(32)}`),
  hex(`00${'11'.repeat(32)}`),
  hex(`04${'11'.repeat(32)}`),
  new Uint8Array(33).fill(0xff),
]

export const HOSTILE_CURVE_KEYS: readonly Uint8Array[] = [...SMALL_ORDER_KEYS, ...NON_CANONICAL_KEYS]
