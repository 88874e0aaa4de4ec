import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvariantError } from '../../../shared/errors.ts'
import { largestInput, type VectorEncoding } from '../../../shared/vector/encoding.ts'
import { clipFactor, prepareUpdate, quantizeRange, quantizeUpdate } from '../../../shared/vector/quantize.ts'
import { anyEncoding, baseEncoding, seed } from './encodings.ts'

const scalars = { lossSum: 12.5 }

function anyUpdate(parameterCount: number) {
  const coordinate = fc.oneof(
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.float({ min: -2, max: 2, noNaN: true }),
  )
  return fc
    .array(coordinate, { minLength: parameterCount, maxLength: parameterCount })
    .map((all) => new Float32Array(all))
}

const encodingAndUpdate = anyEncoding.chain((encoding) =>
  fc.record({
    encoding: fc.constant(encoding),
    update: anyUpdate(encoding.parameterCount),
    weight: fc.integer({ min: 1, max: 200_000 }),
    roundingSeed: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  }),
)

function signedLanes(lanes: ArrayLike<number>, modulusBits: number): number[] {
  return Array.from(lanes, (lane) => Number(BigInt.asIntN(modulusBits, BigInt(lane))))
}

/** What a coordinate becomes before it is rounded, in lane units. */
function exactUnits(value: number, encoding: VectorEncoding, factor: number, weight: number): number {
  const clipped = Math.max(-encoding.laneRange, Math.min(encoding.laneRange, value * factor))
  const share = Math.min(weight, encoding.maxWeight) / encoding.maxWeight
  return (clipped / encoding.laneRange) * share * largestInput(encoding.inputBits)
}

describe('clipping', () => {
  test('leaves an update within the norm alone and scales a longer one onto it', () => {
    expect(clipFactor(Float32Array.of(3, 4), 5)).toBe(1)
    expect(clipFactor(Float32Array.of(3, 4), 1)).toBe(0.2)
    expect(clipFactor(new Float32Array(4), 1)).toBe(1)
    expect(clipFactor(Float32Array.of(3.4e38, -3.4e38), 1)).toBeGreaterThan(0)
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('%d has no factor', (value) => {
    expect(clipFactor(Float32Array.of(1, value), 5)).toBeNaN()
  })
})

describe('quantising', () => {
  test('every lane is within one unit of the exact value and within b signed bits', () => {
    fc.assert(
      fc.property(encodingAndUpdate, (input) => {
        const { encoding, update, weight } = input
        const outcome = quantizeUpdate({ ...input, scalars })
        if (!outcome.ok) throw new Error(outcome.message)
        const signed = signedLanes(outcome.lanes, encoding.modulusBits)
        for (let lane = 0; lane < encoding.parameterCount; lane += 1) {
          const exact = exactUnits(update[lane]!, encoding, outcome.clipFactor, weight)
          expect(Math.abs(signed[lane]! - exact)).toBeLessThan(1 + 1e-6)
          expect(Math.abs(signed[lane]!)).toBeLessThanOrEqual(largestInput(encoding.inputBits))
        }
        for (const lane of outcome.lanes) expect(lane).toBeLessThan(2 ** encoding.modulusBits)
      }),
    )
  })

  test('rounding is unbiased: 40,000 roundings of one value average to it', () => {
    // Seeds are drawn by fast-check, which prints its own on failure. By Hoeffding's bound a run fails by chance with
    // probability below 2·exp(−2·3.5²) = 4.6e-11, one of the 15 below 7e-10; a bias of 0.03 units fails it nearly always.
    const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 })
    const values = fc.double({ min: -0.99, max: 0.99, noNaN: true })
    fc.assert(
      fc.property(values, seeds, (value, roundingSeed) => {
        const parameterCount = 40_000
        const encoding = { ...baseEncoding, parameterCount, inputBits: 6, modulusBits: 10, clipNorm: 1e6 }
        const update = new Float32Array(parameterCount).fill(value)
        const outcome = quantizeUpdate({ update, weight: 1000, scalars, encoding, roundingSeed })
        if (!outcome.ok) throw new Error(outcome.message)
        const signed = signedLanes(outcome.lanes.subarray(0, parameterCount), 10)
        const mean = signed.reduce((total, lane) => total + lane, 0) / parameterCount
        expect(Math.abs(mean - Math.fround(value) * 31)).toBeLessThan(3.5 / Math.sqrt(parameterCount))
      }),
      { numRuns: 15 },
    )
  })

  test('whole units are not rounded, and the extremes keep their place', () => {
    const encoding = {
      ...baseEncoding,
      parameterCount: 4,
      inputBits: 8,
      modulusBits: 12,
      laneRange: 127,
      clipNorm: 1e6,
    }
    const update = Float32Array.of(127, -127, 5, 0)
    const outcome = quantizeUpdate({ update, weight: 5000, scalars, encoding, roundingSeed: seed(0) })
    expect(outcome.ok && signedLanes(outcome.lanes.subarray(0, 4), 12)).toEqual([127, -127, 5, 0])
  })

  test('any range of lanes made alone is the same as in the whole', () => {
    const parameterCount = 40_000
    const encoding = { ...baseEncoding, parameterCount, inputBits: 9, modulusBits: 13 }
    const update = Float32Array.from({ length: parameterCount }, (_, place) => Math.sin(place) / 10)
    const outcome = prepareUpdate({ update, weight: 700, scalars, encoding, roundingSeed: seed(3) })
    if (!outcome.ok) throw new Error(outcome.message)
    const { prepared } = outcome
    const { lengthLanes } = prepared.layout
    const whole = quantizeRange(prepared, 0, lengthLanes)
    const boundary = fc.nat({ max: lengthLanes })
    fc.assert(
      fc.property(boundary, boundary, (a, b) => {
        const from = Math.min(a, b)
        const to = Math.max(a, b)
        expect(quantizeRange(prepared, from, to)).toEqual(whole.slice(from, to))
      }),
      { numRuns: 40 },
    )
    expect(quantizeRange(prepared, lengthLanes - 5, lengthLanes)).toEqual(whole.slice(-5))
  })

  test('another seed rounds otherwise, the same seed the same', () => {
    const input = {
      update: Float32Array.from({ length: 50 }, (_, place) => Math.cos(place)),
      weight: 300,
      scalars,
      encoding: baseEncoding,
    }
    const first = quantizeUpdate({ ...input, roundingSeed: seed(1) })
    expect(quantizeUpdate({ ...input, roundingSeed: seed(1) })).toEqual(first)
    expect(quantizeUpdate({ ...input, roundingSeed: seed(2) })).not.toEqual(first)
  })

  test('known answer: word i of the keystream of the seed rounds lane i', () => {
    // Under the zero key the keystream starts 76b8e0ad a0f13d90 405d6ae5 (RFC 8439 A.1 #1): words 0xade0b876,
    // 0x903df1a0, 0xe56a5d40, then 0x28bd8653, 0xb819d2bd, 0x1aed8da0. Half a unit goes up when the word is below 2^31.
    const encoding = { ...baseEncoding, parameterCount: 6, inputBits: 8, modulusBits: 12, laneRange: 127 }
    const update = new Float32Array(6).fill(0.5)
    const outcome = quantizeUpdate({ update, weight: 1000, scalars, encoding, roundingSeed: new Uint8Array(32) })
    expect(outcome.ok && [...outcome.lanes.subarray(0, 6)]).toEqual([0, 0, 0, 1, 0, 1])
  })
})

describe('what is refused', () => {
  const legal = { update: new Float32Array(50), weight: 10, scalars, encoding: baseEncoding, roundingSeed: seed(0) }
  const withCoordinate = (value: number) => new Float32Array(50).fill(value, 7, 8)

  test.each([
    ['update_not_finite', { update: withCoordinate(Number.NaN) }],
    ['update_not_finite', { update: withCoordinate(Number.POSITIVE_INFINITY) }],
    ['update_not_finite', { update: withCoordinate(Number.NEGATIVE_INFINITY) }],
    ['update_length_mismatch', { update: new Float32Array(49) }],
    ['weight_not_integer', { weight: 1.5 }],
    ['weight_not_integer', { weight: Number.NaN }],
    ['weight_below_minimum', { weight: 0 }],
    ['weight_below_minimum', { weight: -3 }],
    ['scalar_missing', { scalars: {} }],
    ['scalar_unknown', { scalars: { ...scalars, accuracy: 1 } }],
    ['scalar_out_of_range', { scalars: { lossSum: Number.NaN } }],
    ['scalar_out_of_range', { scalars: { lossSum: 2 ** 27 } }],
  ])('%s', (code, change) => {
    expect(prepareUpdate(legal)).toMatchObject({ ok: true })
    expect(prepareUpdate({ ...legal, ...change })).toMatchObject({ ok: false, code })
    expect(quantizeUpdate({ ...legal, ...change })).toMatchObject({ ok: false, code })
  })

  test('a range outside the vector is our bug', () => {
    const outcome = prepareUpdate(legal)
    if (!outcome.ok) throw new Error(outcome.message)
    for (const [from, to] of [
      [-1, 3],
      [4, 3],
      [0, 59],
    ] as const) {
      expect(() => quantizeRange(outcome.prepared, from, to)).toThrow(InvariantError)
    }
  })
})
