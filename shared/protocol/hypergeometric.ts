/**
 * Exact tails of the hypergeometric distribution: how many of `drawn` places, drawn from `total` without repetition, are
 * among the `marked` ones. Everything is an integer, a count of the C(total, drawn) ways to draw, because bounds like 2^-96
 * are far below what floating point can add up.
 */

export interface Draw {
  readonly total: number
  readonly marked: number
  readonly drawn: number
}

/** C(n, k); 0 outside 0 ≤ k ≤ n. */
export function binomial(n: number, k: number): bigint {
  if (k < 0 || k > n) return 0n
  const steps = Math.min(k, n - k)
  let value = 1n
  for (let step = 1; step <= steps; step += 1) value = (value * BigInt(n - steps + step)) / BigInt(step)
  return value
}

/** The number of all ways to draw. */
export function allWays({ total, drawn }: Draw): bigint {
  return binomial(total, drawn)
}

/** In how many ways more than `limit` of the drawn are marked. */
export function waysAbove(draw: Draw, limit: number): bigint {
  let ways = 0n
  for (const { hits, weight } of fromTheTop(draw)) {
    if (hits <= limit) return ways
    ways += weight
  }
  return ways
}

/**
 * The least `limit` for which the ways to draw more than `limit` marked ones satisfy `isRare`. Where no draw is rare enough
 * it is the largest number that can be drawn, which nothing exceeds.
 */
export function leastLimit(draw: Draw, isRare: (ways: bigint) => boolean): number {
  let above = 0n
  let limit = Math.min(draw.drawn, draw.marked)
  for (const { hits, weight } of fromTheTop(draw)) {
    limit = hits
    above += weight
    if (!isRare(above)) return limit
  }
  return limit - 1
}

/** Every possible number of marked ones, greatest first, with the ways to draw it; each follows from the one before. */
function* fromTheTop({ total, marked, drawn }: Draw): Generator<{ readonly hits: number; readonly weight: bigint }> {
  const most = Math.min(drawn, marked)
  const least = Math.max(0, drawn - (total - marked))
  let weight = binomial(marked, most) * binomial(total - marked, drawn - most)
  for (let hits = most; hits >= least; hits -= 1) {
    yield { hits, weight }
    const fewer = BigInt(hits) * BigInt(total - marked - drawn + hits)
    weight = (weight * fewer) / (BigInt(marked - hits + 1) * BigInt(drawn - hits + 1))
  }
}
