/**
 * Shamir's secret sharing over GF(2^16), t of h: a 32-byte secret is 16 big-endian words, each the constant term of its own
 * random polynomial of degree t − 1; a holder's share is the 16 values at x = its roster index (1…65535), 32 bytes.
 *
 * Safety: no table is indexed by a secret and no branch depends on one. Holder indices and Lagrange factors are public.
 */
import { invariant } from '../errors.ts'
import type { Rng } from '../random.ts'
import { lagrangeFactorAtZero, multiplesOf, times } from './gf65536.ts'
import { secretBytes, wipe } from './secrets.ts'

export const SECRET_BYTES = 32
const WORDS = SECRET_BYTES / 2

/** One holder's share: `holder` is its roster index, `share` 32 bytes. */
export interface HeldShare {
  readonly holder: number
  readonly share: Uint8Array
}

/**
 * Shares of a 32-byte secret, by holder. Any `threshold` of them reconstruct it; fewer say nothing about it.
 * Throws InvariantError unless 1 ≤ threshold ≤ holders and the holders are distinct indices in 1…65535.
 */
export function splitSecret(input: {
  readonly secret: Uint8Array
  readonly threshold: number
  readonly holders: readonly number[]
  readonly rng: Rng
}): Map<number, Uint8Array> {
  const { secret, threshold, holders, rng } = input
  invariant(secret.length === SECRET_BYTES, `a shared secret has ${SECRET_BYTES} bytes, not ${secret.length}`)
  requireHolders(holders, threshold)
  const randomness = rng(SECRET_BYTES * (threshold - 1))
  // coefficients[0] is the secret; the others are uniform, the highest included: it may be zero.
  const coefficients = [readWords(secret)]
  for (let degree = 1; degree < threshold; degree += 1) {
    coefficients.push(readWords(randomness.subarray((degree - 1) * SECRET_BYTES, degree * SECRET_BYTES)))
  }
  const shares = new Map(holders.map((holder) => [holder, shareAt(coefficients, holder)]))
  wipe(randomness, ...coefficients)
  return shares
}

/**
 * The secret from the first `threshold` of the given shares, by Lagrange interpolation at zero. Wrong shares give a wrong
 * secret, not an error: the caller checks it against a commitment. Throws InvariantError for too few shares, a repeated
 * holder or a malformed share: whoever calls has checked them.
 */
export function reconstructSecret(shares: readonly HeldShare[], threshold: number): Uint8Array {
  requireHolders(
    shares.map((held) => held.holder),
    threshold,
  )
  const used = shares.slice(0, threshold)
  const holders = used.map(({ holder }) => holder)
  const sum = secretWords()
  for (const { holder, share } of used) {
    invariant(share.length === SECRET_BYTES, `a share has ${SECRET_BYTES} bytes, not ${share.length}`)
    const multiples = multiplesOf(lagrangeFactorAtZero(holder, holders))
    for (let word = 0; word < WORDS; word += 1) sum[word]! ^= times(multiples, wordOf(share, word))
  }
  const secret = writeWords(sum)
  wipe(sum)
  return secret
}

function shareAt(coefficients: readonly Uint16Array[], x: number): Uint8Array {
  const values = secretWords()
  evaluate(coefficients, x, values)
  const share = writeWords(values)
  wipe(values)
  return share
}

/** Horner's rule at x for all sixteen polynomials, into `values`, which are zero. */
function evaluate(coefficients: readonly Uint16Array[], x: number, values: Uint16Array): void {
  const multiples = multiplesOf(x)
  for (let degree = coefficients.length - 1; degree >= 0; degree -= 1) {
    const coefficient = coefficients[degree]!
    for (let word = 0; word < WORDS; word += 1) values[word] = times(multiples, values[word]!) ^ coefficient[word]!
  }
}

function requireHolders(holders: readonly number[], threshold: number): void {
  const legal = holders.every((holder) => Number.isInteger(holder) && holder >= 1 && holder <= 0xffff)
  invariant(legal, 'holders are roster indices in 1…65535')
  invariant(new Set(holders).size === holders.length, 'holders are distinct')
  const enough = Number.isInteger(threshold) && threshold >= 1 && threshold <= holders.length
  invariant(enough, `a threshold of ${threshold} needs at least as many holders, there are ${holders.length}`)
}

function secretWords(): Uint16Array {
  return new Uint16Array(secretBytes(SECRET_BYTES).buffer)
}

function readWords(bytes: Uint8Array): Uint16Array {
  const words = secretWords()
  for (let word = 0; word < WORDS; word += 1) words[word] = wordOf(bytes, word)
  return words
}

function wordOf(bytes: Uint8Array, word: number): number {
  return (bytes[2 * word]! << 8) | bytes[2 * word + 1]!
}

function writeWords(words: Uint16Array): Uint8Array {
  const bytes = secretBytes(SECRET_BYTES)
  for (let word = 0; word < WORDS; word += 1) {
    bytes[2 * word] = words[word]! >>> 8
    bytes[2 * word + 1] = words[word]! & 0xff
  }
  return bytes
}
