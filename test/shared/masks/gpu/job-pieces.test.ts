import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jobPieces } from '../../../../shared/masks/gpu/job-pieces.ts'

test('pieces cover every lane once, in whole blocks that hold them, none too large', () => {
  const range = fc.record({
    firstLane: fc.nat({ max: 2 ** 34 }),
    lengthLanes: fc.nat({ max: 5000 }),
    laneBytes: fc.constantFrom(2 as const, 4 as const),
    most: fc.integer({ min: 1, max: 20 }),
  })
  fc.assert(
    fc.property(range, ({ most, ...range }) => {
      const lanesPerBlock = 64 / range.laneBytes
      let next = 0
      for (const piece of jobPieces(range, most)) {
        expect(piece.start).toBe(next)
        expect(piece.firstBlock * lanesPerBlock + piece.skippedLanes).toBe(range.firstLane + piece.start)
        expect(piece.skippedLanes).toBeLessThan(lanesPerBlock)
        expect(piece.lengthLanes).toBeGreaterThan(0)
        expect(piece.skippedLanes + piece.lengthLanes).toBeLessThanOrEqual(piece.blocks * lanesPerBlock)
        expect(piece.skippedLanes + piece.lengthLanes).toBeGreaterThan((piece.blocks - 1) * lanesPerBlock)
        expect(piece.blocks).toBeLessThanOrEqual(most)
        next += piece.lengthLanes
      }
      expect(next).toBe(range.lengthLanes)
    }),
  )
})
