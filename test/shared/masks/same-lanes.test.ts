/** All engines add the same masks: known answers first, then the plain engine as the reference. */
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { KEYSTREAM_LIMIT_BYTES } from '../../../shared/crypto/keystream.ts'
import { InvariantError } from '../../../shared/errors.ts'
import type { MaskSeed } from '../../../shared/masks/mask-engine.ts'
import { systemRng } from '../../../shared/random.ts'
import { ascending, bytes } from '../../vectors/hex.ts'
import keystream from '../../vectors/keystream.json' with { type: 'json' }
import rfc8439 from '../../vectors/rfc-8439.json' with { type: 'json' }
import { aSeed, closeThreads, emptyLanes, engines, expected, sameBytes, someLanes } from './engines.ts'

afterAll(closeThreads)

const zeroKey = new Uint8Array(32)

describe.each(engines)('%s', (_name, engine) => {
  test('RFC 8439 A.1 #1 and #2: lane i is the i-th little-endian word of the keystream', async () => {
    const blocks = Buffer.concat(rfc8439.chacha20Blocks.slice(0, 2).map(({ keystream }) => bytes(keystream)))
    const narrow = new Uint16Array(64)
    await engine.accumulate(narrow, [{ key: zeroKey, sign: 1 }])
    expect([...narrow]).toEqual(Array.from({ length: 64 }, (_, lane) => blocks.readUInt16LE(2 * lane)))
    const wide = new Uint32Array(32)
    await engine.accumulate(wide, [{ key: zeroKey, sign: 1 }])
    expect([...wide]).toEqual(Array.from({ length: 32 }, (_, lane) => blocks.readUInt32LE(4 * lane)))
  })

  test.each(keystream.masks)('the published lanes from lane $offsetLanes on', async (vector) => {
    const seeds: MaskSeed[] = [{ key: bytes(vector.key), sign: 1 }]
    const narrow = new Uint16Array(vector.lanes16.length)
    await engine.accumulate(narrow, seeds, { firstLane: vector.offsetLanes })
    expect([...narrow]).toEqual(vector.lanes16)
    const wide = new Uint32Array(new SharedArrayBuffer(4 * vector.lanes32.length))
    await engine.accumulate(wide, seeds, { firstLane: vector.offsetLanes })
    expect([...wide]).toEqual(vector.lanes32)
  })

  test('random keys and signs, both widths, any length, any first lane, shared memory or not', async () => {
    const input = fc.record({
      lanes: someLanes,
      seeds: fc.array(aSeed, { minLength: 1, maxLength: 5 }),
      firstLane: fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 2 ** 33 })),
    })
    await fc.assert(
      fc.asyncProperty(input, async ({ lanes, seeds, firstLane }) => {
        const want = await expected(lanes, seeds, firstLane)
        await engine.accumulate(lanes, seeds, { firstLane })
        expect(sameBytes(lanes, want)).toBe(true)
      }),
      { numRuns: 25 },
    )
  })

  test.each([1, 2, 999, 1000])('%d seeds', async (count) => {
    const random = systemRng(32 * count)
    const seeds = Array.from({ length: count }, (_, place): MaskSeed => {
      return { key: random.subarray(32 * place, 32 * place + 32), sign: place % 3 === 0 ? -1 : 1 }
    })
    const lanes = emptyLanes({ lengthLanes: 1_501, wide: count % 2 === 0, shared: true })
    const want = await expected(lanes, seeds, 77)
    await engine.accumulate(lanes, seeds, { firstLane: 77 })
    expect(sameBytes(lanes, want)).toBe(true)
  })

  test('parts of a vector are what the whole has there', async () => {
    const seeds: MaskSeed[] = [1, 2, 3].map((first) => ({ key: ascending(first, 32), sign: first === 2 ? -1 : 1 }))
    const whole = emptyLanes({ lengthLanes: 50_000, wide: false })
    const inParts = whole.slice()
    await engine.accumulate(whole, seeds)
    let firstLane = 0
    for (const end of [1, 31, 33, 20_000, 49_999, 50_000]) {
      await engine.accumulate(inParts.subarray(firstLane, end), seeds, { firstLane })
      firstLane = end
    }
    expect(sameBytes(inParts, whole)).toBe(true)
  })

  test.each([true, false])('the last lanes of 2^32 blocks, and not one more (32-bit lanes: %s)', async (wide) => {
    const seeds: MaskSeed[] = [{ key: ascending(9, 32), sign: 1 }]
    const lanes = emptyLanes({ lengthLanes: 20_001, wide, shared: true })
    const firstLane = KEYSTREAM_LIMIT_BYTES / lanes.BYTES_PER_ELEMENT - lanes.length
    const want = await expected(lanes, seeds, firstLane)
    await engine.accumulate(lanes, seeds, { firstLane })
    expect(sameBytes(lanes, want)).toBe(true)
    await expect(engine.accumulate(lanes, seeds, { firstLane: firstLane + 1 })).rejects.toThrow(InvariantError)
    expect(sameBytes(lanes, want)).toBe(true)
  })

  test('a key of another length and a first lane that is none are refused, the target untouched', async () => {
    const lanes = new Uint32Array(4)
    for (const length of [0, 16, 31, 33]) {
      const seeds: MaskSeed[] = [
        { key: zeroKey, sign: 1 },
        { key: new Uint8Array(length), sign: 1 },
      ]
      await expect(engine.accumulate(lanes, seeds)).rejects.toThrow(InvariantError)
    }
    for (const firstLane of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      const accumulated = engine.accumulate(lanes, [{ key: zeroKey, sign: 1 }], { firstLane })
      await expect(accumulated).rejects.toThrow(InvariantError)
    }
    expect(lanes).toEqual(new Uint32Array(4))
  })

  test('nothing but the target’s own lanes is written', async () => {
    const memory = new Uint16Array(300)
    await engine.accumulate(memory.subarray(100, 133), [{ key: zeroKey, sign: 1 }])
    expect(memory.subarray(0, 100)).toEqual(new Uint16Array(100))
    expect(memory.subarray(133)).toEqual(new Uint16Array(167))
  })

  test('progress rises and ends at the total, once', async () => {
    for (const shared of [true, false]) {
      const lanes = emptyLanes({ lengthLanes: 700_000, wide: true, shared })
      const seeds: MaskSeed[] = [1, 2, 3].map((first) => ({ key: ascending(first, 32), sign: 1 }))
      const told: number[] = []
      await engine.accumulate(lanes, seeds, {
        onProgress: (done, total) => {
          expect(total).toBe(8_400_000)
          told.push(done)
        },
      })
      expect(told).toEqual([...told].sort((a, b) => a - b))
      expect(told.filter((done) => done === 8_400_000)).toHaveLength(1)
      expect(told.at(-1)).toBe(8_400_000)
    }
  })
})
