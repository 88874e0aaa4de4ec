import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvariantError } from '../../../shared/errors.ts'
import { systemRng } from '../../../shared/random.ts'
import { largestInput, type VectorEncoding, vectorLayout, zeroLanes } from '../../../shared/vector/encoding.ts'
import { addPacked, packLanes } from '../../../shared/vector/packing.ts'
import { clipFactor, quantizeUpdate } from '../../../shared/vector/quantize.ts'
import { decodeSum, implausibleSum } from '../../../shared/vector/sum.ts'
import { anyEncoding, baseEncoding } from './encodings.ts'

interface Site {
  readonly update: Float32Array
  readonly weight: number
  readonly lossSum: number
}

const session = anyEncoding.chain((encoding) => {
  const coordinate = fc.float({ min: -3, max: 3, noNaN: true })
  const site = fc.record({
    update: fc
      .array(coordinate, { minLength: encoding.parameterCount, maxLength: encoding.parameterCount })
      .map((all) => new Float32Array(all)),
    weight: fc.integer({ min: 1, max: 200_000 }),
    lossSum: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  })
  const sites = fc.array(site, { minLength: 1, maxLength: encoding.maxParticipants })
  return fc.record({ encoding: fc.constant(encoding), sites })
})

/** Quantise, pack, add: what the coordinator holds once the masks are gone. */
function summed(encoding: VectorEncoding, sites: readonly Site[]) {
  const { lengthLanes, modulusBits } = vectorLayout(encoding)
  const accumulator = zeroLanes(lengthLanes, modulusBits)
  for (const { update, weight, lossSum } of sites) {
    const outcome = quantizeUpdate({ update, weight, scalars: { lossSum }, encoding, roundingSeed: systemRng(32) })
    if (!outcome.ok) throw new Error(outcome.message)
    addPacked({ accumulator, packed: packLanes(outcome.lanes, modulusBits), modulusBits })
  }
  return accumulator
}

describe('the decoded sum', () => {
  test('is the weighted mean of the clipped updates within the rounding bound, scalars exact', () => {
    fc.assert(
      fc.property(session, ({ encoding, sites }) => {
        const decoded = decodeSum(summed(encoding, sites), encoding, sites.length)
        const weights = sites.map(({ weight }) => Math.min(weight, encoding.maxWeight))
        const examples = weights.reduce((total, weight) => total + weight, 0)
        expect(decoded.scalars.examples).toBe(examples)
        const fixed = sites.reduce((total, { lossSum }) => total + BigInt(Math.round(lossSum * 2 ** 20)), 0n)
        expect(decoded.scalars.lossSum).toBe(Number(fixed) / 2 ** 20)

        const { laneRange, clipNorm, maxWeight, inputBits } = encoding
        const unit = (laneRange * maxWeight) / (largestInput(inputBits) * examples)
        for (const [lane, got] of decoded.weightedMean.entries()) {
          const mean = sites.reduce((total, { update }, place) => {
            const clipped = update[lane]! * clipFactor(update, clipNorm)
            return total + (Math.max(-laneRange, Math.min(laneRange, clipped)) * weights[place]!) / examples
          }, 0)
          expect(Math.abs(got - mean)).toBeLessThanOrEqual(unit * sites.length + 1e-6 * laneRange)
        }
        expect(implausibleSum(decoded, encoding, sites.length)).toBeNull()
      }),
    )
  })

  test.each(Array.from({ length: 25 }, (_, place) => place + 8))(
    'what was encoded modulo 2^%i is what is decoded, to the bit',
    (modulusBits) => {
      // One participant of full weight, a unit of the lanes being a unit of the update: nothing is rounded.
      const inputBits = Math.min(modulusBits, 24)
      const laneRange = largestInput(inputBits)
      const fixed = { parameterCount: 9, inputBits, modulusBits, laneRange, clipNorm: 1e12, maxParticipants: 1 }
      const encoding: VectorEncoding = { ...baseEncoding, ...fixed, maxWeight: 1000 }
      const coordinate = fc.oneof(
        fc.integer({ min: -laneRange, max: laneRange }),
        fc.constantFrom(-laneRange, laneRange),
      )
      const updates = fc.array(coordinate, { minLength: 9, maxLength: 9 })
      const losses = fc.integer({ min: -(2 ** 47), max: 2 ** 47 - 1 })
      expect(vectorLayout(encoding).laneWidth).toBe(modulusBits <= 16 ? 16 : 32)
      fc.assert(
        fc.property(updates, losses, (update, loss) => {
          const site = { update: Float32Array.from(update), weight: 1000, lossSum: loss / 2 ** 20 }
          const decoded = decodeSum(summed(encoding, [site]), encoding, 1)
          expect(decoded.weightedMean).toEqual(site.update.map((value) => value + 0))
          expect(decoded.scalars).toEqual({ examples: 1000, lossSum: site.lossSum })
        }),
        { numRuns: 20 },
      )
    },
  )

  test('everybody at the bound of a narrowest modulus does not overflow, on either side', () => {
    const encoding = { ...baseEncoding, parameterCount: 1, clipNorm: 100 }
    for (const value of [1, -1]) {
      const site = { update: Float32Array.of(value), weight: 1000, lossSum: value * 2 ** 26 }
      const sites = Array.from({ length: encoding.maxParticipants }, () => site)
      const decoded = decodeSum(summed(encoding, sites), encoding, sites.length)
      expect(decoded.weightedMean[0]).toBe(value)
      expect(decoded.scalars.lossSum).toBe(16 * value * 2 ** 26)
      expect(decoded.scalars.examples).toBe(16_000)
    }
  })

  test('lanes of the accumulator above bit m do not matter', () => {
    const encoding = { ...baseEncoding, parameterCount: 2 }
    const lanes = summed(encoding, [{ update: Float32Array.of(0.5, -0.5), weight: 10, lossSum: 3 }])
    const dirty = lanes.map((lane) => lane | 0xfff00000)
    expect(decodeSum(dirty, encoding, 1)).toEqual(decodeSum(lanes, encoding, 1))
  })

  test('a sum of nothing has a mean of zeros and is implausible', () => {
    const decoded = decodeSum(new Uint32Array(58), baseEncoding, 3)
    expect(decoded.weightedMean).toEqual(new Float32Array(50))
    expect(implausibleSum(decoded, baseEncoding, 3)).toMatchObject({ code: 'examples_out_of_range' })
  })

  test('another length, or more survivors than the modulus allows, is our bug', () => {
    expect(() => decodeSum(new Uint32Array(57), baseEncoding, 3)).toThrow(InvariantError)
    expect(() => decodeSum(new Uint32Array(58), baseEncoding, 17)).toThrow(InvariantError)
  })
})

describe('what is implausible', () => {
  const mean = (value: number) => new Float32Array(50).fill(value)

  test.each([
    ['too few examples', 2, 'examples_out_of_range'],
    ['too many examples', 3001, 'examples_out_of_range'],
    ['a negative count', -5, 'examples_out_of_range'],
    ['no count', Number.NaN, 'examples_out_of_range'],
  ])('%s', (_, examples, code) => {
    expect(implausibleSum({ weightedMean: mean(0), scalars: { examples } }, baseEncoding, 3)).toMatchObject({ code })
  })

  test('the bounds themselves are plausible', () => {
    for (const examples of [3, 3000]) {
      expect(implausibleSum({ weightedMean: mean(0), scalars: { examples } }, baseEncoding, 3)).toBeNull()
    }
  })

  test('a mean longer than the clip, beyond what rounding explains', () => {
    const scalars = { examples: 3000 }
    const atClip = mean(10 / Math.sqrt(50))
    expect(implausibleSum({ weightedMean: atClip, scalars }, baseEncoding, 3)).toBeNull()
    const beyond = { weightedMean: mean(10.01 / Math.sqrt(50)), scalars }
    expect(implausibleSum(beyond, baseEncoding, 3)).toMatchObject({ code: 'mean_exceeds_clip' })
    const garbage = { weightedMean: mean(Number.NaN), scalars }
    expect(implausibleSum(garbage, baseEncoding, 3)).toMatchObject({ code: 'mean_exceeds_clip' })
  })
})
