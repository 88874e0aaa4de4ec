import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lagrangeFactorAtZero, multiplesOf, times } from '../../../shared/crypto/gf65536.ts'
import { inverses, products } from '../../vectors/shamir-gf65536.ts'

const multiply = (a: number, b: number) => times(multiplesOf(a), b)

describe('the field GF(2^16)', () => {
  test.each(products)('%i × %i = %i', (a, b, product) => {
    expect(multiply(a, b)).toBe(product)
  })

  test.each(inverses)('1 / %i = %i', (a, inverse) => {
    expect(multiply(a, inverse)).toBe(1)
  })

  test('multiplication commutes, associates and distributes over addition', () => {
    const element = fc.integer({ min: 0, max: 0xffff })
    fc.assert(
      fc.property(element, element, element, (a, b, c) => {
        expect(multiply(a, b)).toBe(multiply(b, a))
        expect(multiply(a, b ^ c)).toBe(multiply(a, b) ^ multiply(a, c))
        expect(multiply(a, multiply(b, c))).toBe(multiply(multiply(a, b), c))
      }),
    )
  })

  test('the polynomial is primitive: z generates all 65535 elements but zero', () => {
    const seen = new Set<number>()
    for (let power = 1; !seen.has(power); power = multiply(power, 2)) seen.add(power)
    expect(seen.size).toBe(0xffff)
  })

  test('Lagrange factors by logarithms are those of the definition', () => {
    const holderSet = fc.uniqueArray(fc.integer({ min: 1, max: 0xffff }), { minLength: 1, maxLength: 80 })
    fc.assert(
      fc.property(holderSet, (holders) => {
        for (const holder of holders) {
          const others = holders.filter((other) => other !== holder)
          const numerator = others.reduce((product, other) => multiply(product, other), 1)
          const denominator = others.reduce((product, other) => multiply(product, other ^ holder), 1)
          expect(multiply(lagrangeFactorAtZero(holder, holders), denominator)).toBe(numerator)
        }
      }),
      { numRuns: 30 },
    )
  })
})
