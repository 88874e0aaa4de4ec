/** Exact counts of draws, against Pascal's triangle and against every draw one by one. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allWays, binomial, leastLimit, waysAbove } from '../../../shared/protocol/hypergeometric.ts'

/** Marked places among all subsets of `drawn` places, counted by walking through every subset. */
function countedAbove(
  { total, marked, drawn }: { total: number; marked: number; drawn: number },
  limit: number,
): bigint {
  let ways = 0n
  for (let subset = 0; subset < 2 ** total; subset += 1) {
    const places = Array.from({ length: total }, (_, place) => (subset >> place) & 1)
    const size = places.reduce((sum, bit) => sum + bit, 0)
    const hits = places.slice(0, marked).reduce((sum, bit) => sum + bit, 0)
    if (size === drawn && hits > limit) ways += 1n
  }
  return ways
}

test('binomials are those of Pascal’s triangle', () => {
  let row = [1n]
  for (let n = 1; n <= 60; n += 1) {
    row = Array.from({ length: n + 1 }, (_, k) => (row[k - 1] ?? 0n) + (row[k] ?? 0n))
    expect(row.map((_, k) => binomial(n, k))).toEqual(row)
  }
  expect(binomial(5, -1)).toBe(0n)
  expect(binomial(5, 6)).toBe(0n)
})

describe('tails', () => {
  test('equal the count of every single draw', () => {
    for (const [total, marked, drawn] of [
      [8, 3, 4],
      [9, 9, 4],
      [10, 0, 3],
      [11, 7, 8],
      [12, 5, 6],
    ] as const) {
      for (let limit = -1; limit <= drawn; limit += 1) {
        expect(waysAbove({ total, marked, drawn }, limit)).toBe(countedAbove({ total, marked, drawn }, limit))
      }
    }
  })

  const draws = fc
    .record({ total: fc.integer({ min: 1, max: 400 }), marked: fc.nat(400), drawn: fc.nat(400) })
    .filter(({ total, marked, drawn }) => marked <= total && drawn <= total)

  test('sum to all ways below the least possible number, and to none from the greatest', () => {
    fc.assert(
      fc.property(draws, (draw) => {
        expect(waysAbove(draw, -1)).toBe(allWays(draw))
        expect(waysAbove(draw, Math.min(draw.marked, draw.drawn))).toBe(0n)
      }),
    )
  })

  test('the least limit is rare enough and the one below is not', () => {
    fc.assert(
      fc.property(draws, fc.bigInt({ min: 1n, max: 1n << 40n }), (draw, rarity) => {
        const isRare = (ways: bigint) => ways * rarity <= allWays(draw)
        const limit = leastLimit(draw, isRare)
        expect(isRare(waysAbove(draw, limit))).toBe(true)
        if (limit > Math.max(0, draw.drawn - (draw.total - draw.marked)) - 1) {
          expect(isRare(waysAbove(draw, limit - 1))).toBe(false)
        }
      }),
    )
  })
})
