/**
 * Shamir's scheme over GF(2^16) from its definition: elements are polynomials over GF(2), multiplied as such and reduced by
 * long division by z^16 + z^12 + z^3 + z + 1; shares are Σ c_d x^d, term by term; the secret is Σ y_i Π x_j / (x_j − x_i).
 */
const MODULUS = 0x1100bn
const WORDS = 16

export function multiply(a: number, b: number): number {
  let product = 0n
  for (let bit = 0n; bit < 16n; bit += 1n) {
    if ((BigInt(b) >> bit) & 1n) product ^= BigInt(a) << bit
  }
  for (let degree = 30n; degree >= 16n; degree -= 1n) {
    if ((product >> degree) & 1n) product ^= MODULUS << (degree - 16n)
  }
  return Number(product)
}

/** a^(2^16 − 2), for a^(2^16 − 1) = 1. */
export function inverse(a: number): number {
  let result = 1
  for (let left = 65534; left > 0; left >>= 1) {
    if (left & 1) result = multiply(result, a)
    a = multiply(a, a)
  }
  return result
}

/** One holder's share: `coefficients` are t strings of 32 bytes, the secret first. */
export function shareAt(coefficients: readonly Uint8Array[], x: number): Uint8Array {
  const values = new Array<number>(WORDS).fill(0)
  let powerOfX = 1
  for (const coefficient of coefficients) {
    for (const [place, word] of words(coefficient).entries()) values[place]! ^= multiply(word, powerOfX)
    powerOfX = multiply(powerOfX, x)
  }
  return fromWords(values)
}

/** λ_i for each holder, in the order given. */
export function lagrangeAtZero(holders: readonly number[]): number[] {
  return holders.map((own) =>
    holders
      .filter((other) => other !== own)
      .reduce((factor, other) => multiply(factor, multiply(other, inverse(other ^ own))), 1),
  )
}

/** The secret from exactly t shares. */
export function interpolateAtZero(shares: readonly { readonly holder: number; readonly share: Uint8Array }[]) {
  const factors = lagrangeAtZero(shares.map(({ holder }) => holder))
  const secret = new Array<number>(WORDS).fill(0)
  for (const [place, { share }] of shares.entries()) {
    for (const [at, word] of words(share).entries()) secret[at]! ^= multiply(word, factors[place]!)
  }
  return fromWords(secret)
}

/**
 * The share that `holder` would have to hold for the given t − 1 shares and it to make `secret`: the value at x = holder of
 * the one polynomial of degree t − 1 through (0, secret) and the shares.
 */
export function completingShare(
  shares: readonly { readonly holder: number; readonly share: Uint8Array }[],
  secret: Uint8Array,
  holder: number,
): Uint8Array {
  const points = [{ x: 0, y: words(secret) }, ...shares.map((held) => ({ x: held.holder, y: words(held.share) }))]
  const value = new Array<number>(WORDS).fill(0)
  for (const { x, y } of points) {
    const factor = points
      .filter((other) => other.x !== x)
      .reduce((product, other) => multiply(product, multiply(holder ^ other.x, inverse(x ^ other.x))), 1)
    for (const [at, word] of y.entries()) value[at]! ^= multiply(word, factor)
  }
  return fromWords(value)
}

function words(data: Uint8Array): number[] {
  return Array.from({ length: WORDS }, (_, place) => data[2 * place]! * 256 + data[2 * place + 1]!)
}

function fromWords(values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((word) => [word >> 8, word & 0xff]))
}
