/** The complete graph's parameters, against the figures protocol text and paper give. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProtocolError } from '../../../shared/protocol/refusal.ts'
import { colluders, sharingParameters, toleratedDropouts } from '../../../shared/protocol/threshold.ts'

const assume = (colluderCount: number, graph: 'auto' | 'complete' = 'auto') => ({
  gammaPpm: 0,
  deltaPpm: 0,
  colluders: colluderCount,
  adversary: 'malicious' as const,
  graph,
  maxNeighbours: 1000,
})

describe('tolerated dropouts by the threshold alone', () => {
  for (const [n, dropouts] of [
    [3, 1],
    [4, 1],
    [5, 1],
    [6, 2],
    [7, 2],
    [10, 3],
  ] as const) {
    test(`n = ${n}: ${dropouts}`, () => {
      const { threshold, quorum } = sharingParameters(n, assume(0))
      expect(n - threshold).toBe(dropouts)
      expect(quorum).toBe(threshold)
    })
  }
})

describe('with a minimum cohort of 3', () => {
  for (const [n, colluderCount, dropouts] of [
    [3, 0, 0],
    [4, 0, 1],
    [5, 1, 1],
  ] as const) {
    test(`n = ${n}, C = ${colluderCount}: ${dropouts}`, () => {
      expect(toleratedDropouts(sharingParameters(n, assume(colluderCount)), assume(colluderCount), 3)).toBe(dropouts)
    })
  }
})

test('no owner ever has a threshold of holders for each kind of share, and colluders alone never reach it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 64 }), fc.nat(30), (n, colluderCount) => {
      fc.pre(3 * colluderCount < n)
      const { holders, threshold, corruptHolders, quorum } = sharingParameters(n, assume(colluderCount))
      expect(2 * threshold).toBeGreaterThan(holders + corruptHolders)
      expect(threshold).toBeGreaterThan(colluderCount)
      expect(threshold).toBeLessThanOrEqual(n)
      // Two quorum certificates would need more than n + C signatures.
      expect(2 * quorum).toBeGreaterThan(n + colluderCount)
    }),
  )
})

test('refused: two participants, a third of colluders', () => {
  for (const [n, colluderCount] of [
    [2, 0],
    [3, 1],
    [6, 2],
  ] as const) {
    expect(() => sharingParameters(n, assume(colluderCount))).toThrow(ProtocolError)
  }
  expect(sharingParameters(65, assume(0, 'complete')).threshold).toBe(44)
})

test('C = ⌈γE⌉ in integers', () => {
  expect(colluders(5, 200_000)).toBe(1)
  expect(colluders(10, 100_000)).toBe(1)
  expect(colluders(11, 100_000)).toBe(2)
  expect(colluders(1000, 0)).toBe(0)
})
