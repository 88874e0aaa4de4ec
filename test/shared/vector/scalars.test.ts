import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvariantError } from '../../../shared/errors.ts'
import { vectorLayout } from '../../../shared/vector/encoding.ts'
import { fixedPoint, fromFixedPoint, fromLimbs, toLimbs } from '../../../shared/vector/scalars.ts'
import { anyEncoding, baseEncoding } from './encodings.ts'

const LIMIT = 2n ** 47n
const count = { name: 'examples', fractionBits: 0 }
const loss = { name: 'lossSum', fractionBits: 20 }

describe('scalars', () => {
  test('fixed point: counts exactly, losses to 2^-20', () => {
    expect(fixedPoint(8000, count)).toBe(8000n)
    expect(fixedPoint(-1.5, loss)).toBe(-1_572_864n)
    expect(fromFixedPoint(fixedPoint(0.1234567, loss)!, loss)).toBeCloseTo(0.1234567, 6)
  })

  test('the largest and the smallest 48-bit values pass, their neighbours do not', () => {
    expect(fixedPoint(2 ** 47 - 1, count)).toBe(LIMIT - 1n)
    expect(fixedPoint(-(2 ** 47), count)).toBe(-LIMIT)
    expect(fixedPoint(2 ** 47, count)).toBeNull()
    expect(fixedPoint(-(2 ** 47) - 1, count)).toBeNull()
    expect(fixedPoint(2 ** 27, loss)).toBeNull()
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300])(
    '%d has no fixed point',
    (value) => {
      expect(fixedPoint(value, loss)).toBeNull()
    },
  )

  test('the sum of any 48-bit integers comes back exactly from lanes summed mod 2^m', () => {
    const integers = fc.array(fc.bigInt({ min: -LIMIT, max: LIMIT - 1n }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(anyEncoding, integers, (encoding, all) => {
        const layout = vectorLayout(encoding)
        const summed = all.slice(0, encoding.maxParticipants)
        const modulus = 2 ** encoding.modulusBits
        const limbs = new Array<number>(layout.limbsPerScalar).fill(0)
        for (const integer of summed) {
          for (const [place, limb] of toLimbs(integer, layout).entries()) {
            expect(limb).toBeLessThan(modulus)
            limbs[place] = (limbs[place]! + limb) % modulus
          }
        }
        expect(fromLimbs(limbs, layout)).toBe(summed.reduce((total, integer) => total + integer, 0n))
      }),
    )
  })

  test('another number of limbs is our bug', () => {
    expect(() => fromLimbs([1, 2], vectorLayout(baseEncoding))).toThrow(InvariantError)
  })
})
