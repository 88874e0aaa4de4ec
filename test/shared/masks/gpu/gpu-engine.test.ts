/** The GPU's masks are everybody's: known answers, then the plain engine as the reference. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KEYSTREAM_LIMIT_BYTES } from '../../../../shared/crypto/keystream.ts'
import { InvariantError } from '../../../../shared/errors.ts'
import type { MaskSeed } from '../../../../shared/masks/mask-engine.ts'
import { systemRng } from '../../../../shared/random.ts'
import { ascending, bytes } from '../../../vectors/hex.ts'
import keystream from '../../../vectors/keystream.json' with { type: 'json' }
import rfc8439 from '../../../vectors/rfc-8439.json' with { type: 'json' }
import { aSeed, emptyLanes, expected, sameBytes, someLanes } from '../engines.ts'
import { describeOnGpu } from './vulkan.ts'
import { watchedEngine } from './watched-engine.ts'

describeOnGpu('masks on a GPU', () => {
  const gpu = watchedEngine()
  beforeAll(() => gpu.adapter())
  afterAll(() => {
    gpu.close()
    // Every lane above came from the GPU.
    expect(gpu.fallbacks).toEqual([])
  })

  test.each(rfc8439.chacha20Blocks)('RFC 8439 $section', async ({ key, counter, keystream }) => {
    const seeds: MaskSeed[] = [{ key: bytes(key), sign: 1 }]
    for (const [lanes, firstLane] of [
      [new Uint16Array(32), 32 * counter] as const,
      [new Uint32Array(16), 16 * counter] as const,
    ]) {
      await gpu.accumulate(lanes, seeds, { firstLane })
      expect(Buffer.from(lanes.buffer).toString('hex')).toBe(keystream)
    }
  })

  test.each(keystream.masks)('the published lanes from lane $offsetLanes on', async (vector) => {
    const seeds: MaskSeed[] = [{ key: bytes(vector.key), sign: 1 }]
    const narrow = new Uint16Array(vector.lanes16.length)
    await gpu.accumulate(narrow, seeds, { firstLane: vector.offsetLanes })
    expect([...narrow]).toEqual(vector.lanes16)
    const wide = new Uint32Array(new SharedArrayBuffer(4 * vector.lanes32.length))
    await gpu.accumulate(wide, seeds, { firstLane: vector.offsetLanes })
    expect([...wide]).toEqual(vector.lanes32)
  })

  test('random keys and signs, both widths, any length, any first lane', async () => {
    const input = fc.record({
      lanes: someLanes,
      seeds: fc.array(aSeed, { minLength: 1, maxLength: 5 }),
      firstLane: fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 2 ** 33 })),
    })
    await fc.assert(
      fc.asyncProperty(input, async ({ lanes, seeds, firstLane }) => {
        const want = await expected(lanes, seeds, firstLane)
        await gpu.accumulate(lanes, seeds, { firstLane })
        expect(sameBytes(lanes, want)).toBe(true)
      }),
      { numRuns: 25 },
    )
  })

  test.each([1, 2, 999, 1000])('%d seeds', async (count) => {
    const seeds = randomSeeds(count)
    const lanes = emptyLanes({ lengthLanes: 1_501, wide: count % 2 === 0 })
    const want = await expected(lanes, seeds, 77)
    await gpu.accumulate(lanes, seeds, { firstLane: 77 })
    expect(sameBytes(lanes, want)).toBe(true)
  })

  test.each([true, false])('the last lanes of 2^32 blocks, and not one more (32-bit lanes: %s)', async (wide) => {
    const seeds: MaskSeed[] = [{ key: ascending(9, 32), sign: 1 }]
    const lanes = emptyLanes({ lengthLanes: 20_001, wide })
    const firstLane = KEYSTREAM_LIMIT_BYTES / lanes.BYTES_PER_ELEMENT - lanes.length
    const want = await expected(lanes, seeds, firstLane)
    await gpu.accumulate(lanes, seeds, { firstLane })
    expect(sameBytes(lanes, want)).toBe(true)
    await expect(gpu.accumulate(lanes, seeds, { firstLane: firstLane + 1 })).rejects.toThrow(InvariantError)
    expect(sameBytes(lanes, want)).toBe(true)
  })

  test('nothing but the target’s own lanes is written', async () => {
    const memory = new Uint16Array(300)
    await gpu.accumulate(memory.subarray(100, 133), randomSeeds(2))
    expect(memory.subarray(0, 100)).toEqual(new Uint16Array(100))
    expect(memory.subarray(133)).toEqual(new Uint16Array(167))
  })

  test('the seeds are as they were', async () => {
    const seeds = randomSeeds(3)
    const before = seeds.map(({ key }) => key.slice())
    await gpu.accumulate(new Uint32Array(100), seeds)
    expect(seeds.map(({ key }) => key)).toEqual(before)
  })

  test('progress rises and ends at the total, once', async () => {
    const told: number[] = []
    await gpu.accumulate(new Uint32Array(100_000), randomSeeds(30), { onProgress: (done) => told.push(done) })
    expect(told).toEqual([...new Set(told)].sort((a, b) => a - b))
    expect(told.at(-1)).toBe(12_000_000)
  })

  test('several at once', async () => {
    const seeds = randomSeeds(20)
    const all = [10_000, 333, 50_001].map((lengthLanes) => emptyLanes({ lengthLanes, wide: lengthLanes > 9_000 }))
    const want = await Promise.all(all.map((lanes) => expected(lanes, seeds, 5)))
    await Promise.all(all.map((lanes) => gpu.accumulate(lanes, seeds, { firstLane: 5 })))
    expect(all.map((lanes, place) => sameBytes(lanes, want[place]!))).toEqual([true, true, true])
  })

  test('cancelled in the middle: the signal’s reason, and the same child goes on with the next', async () => {
    const { pid } = gpu
    const cancelling = new AbortController()
    const lanes = new Uint32Array(400_000)
    const onProgress = () => cancelling.abort(new Error('no longer wanted'))
    const { signal } = cancelling
    await expect(gpu.accumulate(lanes, randomSeeds(200), { signal, onProgress })).rejects.toThrow('no longer wanted')
    const seeds = randomSeeds(3)
    const next = new Uint32Array(1000)
    const want = await expected(next, seeds)
    await gpu.accumulate(next, seeds)
    expect(sameBytes(next, want)).toBe(true)
    expect(gpu.pid).toBe(pid)
  })
})

function randomSeeds(count: number): MaskSeed[] {
  const random = systemRng(32 * count)
  return Array.from({ length: count }, (_, place) => {
    return { key: random.subarray(32 * place, 32 * place + 32), sign: place % 3 === 0 ? -1 : 1 }
  })
}
