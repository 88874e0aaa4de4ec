/**
 * Repeatable random numbers for what must be the same on every machine: initial weights, shuffles, data splits.
 * Not for secrets. xoshiro128** (Blackman and Vigna, 2018), seeded through splitmix32.
 */

/** A generator of numbers in [0, 1) with 32 bits each; equal seeds (any integer up to 2^53) give equal streams. */
export function seededUniform(seed: number): () => number {
  const words = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0]
  let mixed = (words[0]! ^ Math.imul(words[1]!, 0x9e3779b1)) >>> 0
  const next = () => {
    mixed = (mixed + 0x9e3779b9) >>> 0
    let z = mixed
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
  let [a, b, c, d] = [next(), next(), next(), next()]
  return () => {
    const scrambled = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotate(d, 11)
    return scrambled / 2 ** 32
  }
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}

/** Standard normal numbers from uniform ones, by Box and Muller's polar method. */
export function gaussian(uniform: () => number): () => number {
  return () => {
    for (;;) {
      const u = 2 * uniform() - 1
      const v = 2 * uniform() - 1
      const square = u * u + v * v
      if (square > 0 && square < 1) return u * Math.sqrt((-2 * Math.log(square)) / square)
    }
  }
}

/** Shuffles in place (Fisher and Yates) and returns the same array. */
export function shuffle<T extends { length: number; [index: number]: number }>(indices: T, uniform: () => number): T {
  for (let i = indices.length - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1))
    const swapped = indices[i]!
    indices[i] = indices[j]!
    indices[j] = swapped
  }
  return indices
}
