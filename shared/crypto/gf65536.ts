/**
 * The field GF(2^16) of secret sharing: GF(2)[z] / (z^16 + z^12 + z^3 + z + 1), bit i of a word standing for z^i.
 *
 * Safety: of all that is here only {@link times} takes a secret, and it has no branch on it and no table that it indexes.
 * What looks up logarithms takes public numbers, holder indices and what follows from them.
 */

/** z^16 + z^12 + z^3 + z + 1, the usual primitive polynomial of this degree. */
const REDUCTION = 0x1100b
const BITS = 16
/** The elements but zero: z generates them all. */
const ORDER = 0xffff

/** x·z^i for every i: what {@link times} multiplies by x with. */
export function multiplesOf(x: number): Uint16Array {
  const multiples = new Uint16Array(BITS)
  let shifted = x
  for (let bit = 0; bit < BITS; bit += 1) {
    multiples[bit] = shifted
    shifted <<= 1
    shifted ^= REDUCTION & -(shifted >>> BITS)
  }
  return multiples
}

/** x · secret, in constant time: every multiple of x is read, and masked by its bit of the secret. */
export function times(multiples: Uint16Array, secret: number): number {
  let product = 0
  for (let bit = 0; bit < BITS; bit += 1) product ^= multiples[bit]! & -((secret >>> bit) & 1)
  return product
}

/** Π x_j / (x_j − x_i) over the other holders j; minus is plus here. Public numbers only: by logarithms, O(t). */
export function lagrangeFactorAtZero(holder: number, holders: readonly number[]): number {
  const { logarithm, power } = logarithms()
  let exponent = 0
  for (const other of holders) {
    if (other !== holder) exponent += logarithm[other]! - logarithm[other ^ holder]!
  }
  return power[((exponent % ORDER) + ORDER) % ORDER]!
}

interface Logarithms {
  /** By element but zero; place 0 means nothing. */
  readonly logarithm: Uint16Array
  /** z^i for i below {@link ORDER}. */
  readonly power: Uint16Array
}

let made: Logarithms | null = null

/** Both tables, 256 KiB, made when first asked for. */
function logarithms(): Logarithms {
  if (made !== null) return made
  const logarithm = new Uint16Array(ORDER + 1)
  const power = new Uint16Array(ORDER)
  let element = 1
  for (let exponent = 0; exponent < ORDER; exponent += 1) {
    power[exponent] = element
    logarithm[element] = exponent
    element <<= 1
    element ^= REDUCTION & -(element >>> BITS)
  }
  made = { logarithm, power }
  return made
}
