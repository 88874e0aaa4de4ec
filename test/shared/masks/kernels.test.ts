/** Every function of the WASM module against its reference in TypeScript, and the module against its source. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Keystream } from '../../../shared/crypto/keystream.ts'
import { KERNELS_BASE64 } from '../../../shared/masks/generated/kernels.ts'
import { hasKernels, instantiateKernels, KERNELS_FREE_FROM } from '../../../shared/masks/kernels.ts'
import { systemRng } from '../../../shared/random.ts'
import { type Lanes, largestInput } from '../../../shared/vector/encoding.ts'
import { addPacked, packedLength, packLanes } from '../../../shared/vector/packing.ts'
import { prepareUpdate, quantizeRange } from '../../../shared/vector/quantize.ts'
import { buildKernels } from '../../../wasm/build.ts'
import { baseEncoding } from '../vector/encodings.ts'

const kernels = instantiateKernels()
const memory = new Uint8Array(kernels.memory.buffer)
const KEY_AT = KERNELS_FREE_FROM
const FIRST_AT = 64 * 1024
const SECOND_AT = 256 * 1024
const THIRD_AT = 512 * 1024

function lanesAt(at: number, lengthLanes: number, wide: boolean): Lanes {
  return wide
    ? new Uint32Array(kernels.memory.buffer, at, lengthLanes)
    : new Uint16Array(kernels.memory.buffer, at, lengthLanes)
}

function randomLanes(lengthLanes: number, wide: boolean): Lanes {
  const { buffer } = systemRng(Math.max(lengthLanes, 1) * 4)
  return wide ? new Uint32Array(buffer, 0, lengthLanes) : new Uint16Array(buffer, 0, lengthLanes)
}

const widths = [
  ['16-bit lanes', false],
  ['32-bit lanes', true],
] as const
const modulus = (wide: boolean) => fc.integer({ min: 8, max: wide ? 32 : 16 })
const lengths = fc.oneof(fc.nat({ max: 70 }), fc.nat({ max: 9_000 }))

test('the module is what its source compiles to', async () => {
  expect(Buffer.from(await buildKernels()).toString('base64')).toBe(KERNELS_BASE64)
})

test('the module asks for nothing, and its memory starts as zeros but for its own scratch', () => {
  expect(hasKernels()).toBe(true)
  const fresh = new Uint8Array(instantiateKernels().memory.buffer)
  expect(fresh.length).toBe(2 ** 20)
  expect(fresh.subarray(KERNELS_FREE_FROM).every((byte) => byte === 0)).toBe(true)
})

test('keystream: any key, any block up to the last', () => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
  const start = fc.oneof(fc.nat({ max: 2 ** 32 - 64 }), fc.constant(2 ** 32 - 64), fc.constant(2 ** 31 - 2))
  fc.assert(
    fc.property(key, start, fc.integer({ min: 1, max: 16 }), (key, start, fours) => {
      memory.set(key, KEY_AT)
      kernels.keystream(FIRST_AT, 4 * fours, KEY_AT, start)
      const want = new Keystream(key, start * 64).read(256 * fours)
      expect(Buffer.from(memory.subarray(FIRST_AT, FIRST_AT + want.length)).equals(Buffer.from(want))).toBe(true)
    }),
  )
})

describe.each(widths)('%s', (_name, wide) => {
  test('adding and taking away wrap, and stop where they are told', () => {
    const [lanes, mask] = [randomLanes(320, wide), randomLanes(320, wide)]
    for (const sign of [1, -1]) {
      const target = lanesAt(FIRST_AT, 320, wide)
      target.set(lanes)
      lanesAt(SECOND_AT, 320, wide).set(mask)
      const touched = target.byteLength / 5
      const [add, subtract] = wide
        ? [kernels.addLanes32, kernels.subtractLanes32]
        : [kernels.addLanes16, kernels.subtractLanes16]
      ;(sign === 1 ? add : subtract)(FIRST_AT, SECOND_AT, touched)
      const want = lanes.slice()
      for (let lane = 0; lane < 64; lane += 1) want[lane] = want[lane]! + sign * mask[lane]!
      expect(target).toEqual(want)
    }
  })

  test('packing gives the reference’s bytes', () => {
    fc.assert(
      fc.property(modulus(wide), lengths, (modulusBits, lengthLanes) => {
        const lanes = randomLanes(lengthLanes, wide)
        lanesAt(FIRST_AT, lengthLanes, wide).set(lanes)
        // What stands behind the lanes must not get into the padding.
        memory.fill(0xff, FIRST_AT + lanes.byteLength, FIRST_AT + lanes.byteLength + 64)
        ;(wide ? kernels.pack32 : kernels.pack16)(SECOND_AT, FIRST_AT, lengthLanes, modulusBits)
        const made = memory.subarray(SECOND_AT, SECOND_AT + packedLength(lengthLanes, modulusBits))
        expect(Buffer.from(made).equals(Buffer.from(packLanes(lanes, modulusBits)))).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('unpacking writes nowhere else than its target and the module’s own scratch', () => {
    const apart = instantiateKernels()
    const all = new Uint8Array(apart.memory.buffer)
    const [target, packed] = [KERNELS_FREE_FROM, 512 * 1024]
    all.fill(0xa5, target)
    ;(wide ? apart.unpackAdd32 : apart.unpackAdd16)(target, packed, 64, wide ? 23 : 13)
    const end = target + 64 * (wide ? 4 : 2)
    expect(all.subarray(target, end).every((byte) => byte === 0xa5)).toBe(false)
    expect(all.subarray(end).every((byte) => byte === 0xa5)).toBe(true)
    const again = new Uint8Array(64 * (wide ? 4 : 2)).fill(0xa5)
    const lanes = wide ? new Uint32Array(again.buffer) : new Uint16Array(again.buffer)
    addPacked({
      accumulator: lanes,
      packed: new Uint8Array(8 * (wide ? 23 : 13)).fill(0xa5),
      modulusBits: wide ? 23 : 13,
    })
    expect(Buffer.from(all.subarray(target, end)).equals(Buffer.from(again))).toBe(true)
  })

  test('unpacking adds what the reference adds', () => {
    fc.assert(
      fc.property(modulus(wide), lengths, (modulusBits, lengthLanes) => {
        const [accumulator, summand] = [randomLanes(lengthLanes, wide), randomLanes(lengthLanes, wide)]
        const packed = packLanes(summand, modulusBits)
        lanesAt(FIRST_AT, lengthLanes, wide).set(accumulator)
        memory.set(packed, SECOND_AT)
        memory.fill(0xff, SECOND_AT + packed.length, SECOND_AT + packed.length + 64)
        ;(wide ? kernels.unpackAdd32 : kernels.unpackAdd16)(FIRST_AT, SECOND_AT, lengthLanes, modulusBits)
        expect(addPacked({ accumulator, packed, modulusBits })).toBeNull()
        expect(Buffer.from(lanesAt(FIRST_AT, lengthLanes, wide).slice().buffer)).toEqual(
          Buffer.from(accumulator.slice().buffer),
        )
      }),
      { numRuns: 300 },
    )
  })

  test('rounding gives the reference’s lanes bit for bit', () => {
    const input = fc.record({
      inputBits: fc.integer({ min: 2, max: wide ? 24 : 12 }),
      clipNorm: fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
      laneRange: fc.double({ min: 1e-9, max: 1e3, noNaN: true }),
      weight: fc.integer({ min: 1, max: 200_000 }),
      seed: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      update: fc.array(
        fc.oneof(
          fc.float({ noNaN: true, noDefaultInfinity: true }),
          fc.float({ min: -2, max: 2, noNaN: true }),
          fc.constantFrom(0, -0, 1, -1, 0.5, 1.1754944e-38, 1e-45, 3.4028234663852886e38),
        ),
        { minLength: 1, maxLength: 200 },
      ),
    })
    fc.assert(
      fc.property(input, ({ inputBits, clipNorm, laneRange, weight, seed, update }) => {
        const modulusBits = wide ? Math.max(17, Math.min(32, inputBits + 8)) : inputBits + 4
        const length = update.length
        const maxParticipants = 16
        const encoding = {
          ...{
            ...baseEncoding,
            inputBits,
            modulusBits: Math.max(modulusBits, 8),
            clipNorm,
            laneRange,
            maxParticipants,
          },
          ...{ parameterCount: length, scalars: [{ name: 'examples', fractionBits: 0 }] },
        }
        const floats = new Float32Array(update)
        const outcome = prepareUpdate({ update: floats, weight, scalars: {}, encoding, roundingSeed: seed })
        if (!outcome.ok) throw new Error(outcome.message)
        const { prepared } = outcome
        memory.set(new Uint8Array(floats.buffer), SECOND_AT)
        memory.set(new Keystream(seed).read(4 * length), THIRD_AT)
        ;(wide ? kernels.quantize32 : kernels.quantize16)(
          FIRST_AT,
          SECOND_AT,
          THIRD_AT,
          length,
          prepared.clipFactor,
          laneRange,
          prepared.unitsPerOne,
          largestInput(inputBits),
          2 ** encoding.modulusBits - 1,
        )
        expect([...lanesAt(FIRST_AT, length, wide)]).toEqual([...quantizeRange(prepared, 0, length)])
      }),
      { numRuns: 500 },
    )
  })
})
