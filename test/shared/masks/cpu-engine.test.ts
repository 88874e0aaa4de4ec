import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cpuMaskEngine } from '../../../shared/masks/cpu-engine.ts'
import type { MaskSeed } from '../../../shared/masks/mask-engine.ts'
import { systemRng } from '../../../shared/random.ts'
import { ascending, bytes } from '../../vectors/hex.ts'
import rfc8439 from '../../vectors/rfc-8439.json' with { type: 'json' }

const engine = cpuMaskEngine()
const aKey = fc.uint8Array({ minLength: 32, maxLength: 32 })
const someSeeds = fc.array(fc.record({ key: aKey, sign: fc.constantFrom(1 as const, -1 as const) }), { maxLength: 5 })
const lengths = fc.oneof(fc.nat({ max: 100 }), fc.integer({ min: 16_000, max: 70_000 }))
const flipped = (seeds: readonly MaskSeed[]) =>
  seeds.map(({ key, sign }): MaskSeed => ({ key, sign: sign === 1 ? -1 : 1 }))

describe('the CPU mask engine', () => {
  const blocks = Buffer.concat(rfc8439.chacha20Blocks.slice(0, 2).map(({ keystream }) => bytes(keystream)))
  const zeroKey = new Uint8Array(32)

  test('a mask is added or taken away mod 2^16 and 2^32', async () => {
    const word16 = blocks.readUInt16LE(0)
    const word32 = blocks.readUInt32LE(0)
    const narrow = Uint16Array.of(0xffff)
    await engine.accumulate(narrow, [{ key: zeroKey, sign: 1 }])
    expect(narrow[0]).toBe((0xffff + word16) % 2 ** 16)
    const wide = Uint32Array.of(3)
    await engine.accumulate(wide, [{ key: zeroKey, sign: -1 }])
    expect(wide[0]).toBe((3 - word32 + 2 ** 32) % 2 ** 32)
  })

  test('what was put on comes off, in any order', async () => {
    await fc.assert(
      fc.asyncProperty(lengths, someSeeds, fc.boolean(), async (length, seeds, wide) => {
        const random = systemRng(length * 4).buffer
        const input = wide ? new Uint32Array(random) : new Uint16Array(random).subarray(0, length)
        const target = input.slice()
        await engine.accumulate(target, seeds)
        await engine.accumulate(target, flipped(seeds).toReversed())
        expect(Buffer.from(target.buffer).equals(Buffer.from(input.slice().buffer))).toBe(true)
      }),
      { numRuns: 25 },
    )
  })

  test('masks shared by pairs cancel in the sum over everybody', async () => {
    const length = 40_000
    const members = [0, 1, 2, 3, 4]
    const pairKey = (a: number, b: number) => ascending(10 * Math.min(a, b) + Math.max(a, b), 32)
    const sum = new Uint32Array(length)
    for (const member of members) {
      const input = Uint32Array.from({ length }, (_, lane) => lane * (member + 1))
      const others = members.filter((other) => other !== member)
      const masks = others.map((other): MaskSeed => ({ key: pairKey(member, other), sign: member < other ? 1 : -1 }))
      await engine.accumulate(input, masks)
      for (let lane = 0; lane < length; lane += 1) sum[lane] = sum[lane]! + input[lane]!
    }
    expect(sum).toEqual(Uint32Array.from({ length }, (_, lane) => lane * 15))
  })

  test('a masked constant looks uniform (chi-square over its bytes)', async () => {
    const target = new Uint16Array(200_000).fill(7)
    await engine.accumulate(target, [{ key: systemRng(32), sign: 1 }])
    const counts = new Array<number>(256).fill(0)
    for (const byte of new Uint8Array(target.buffer)) counts[byte]! += 1
    const expected = target.byteLength / 256
    const chiSquare = counts.reduce((total, count) => total + (count - expected) ** 2 / expected, 0)
    // 255 degrees of freedom: P[chi² > 410] < 1e-9.
    expect(chiSquare).toBeLessThan(410)
  })

  test('the event loop turns while masks are expanded, and progress ends at the total', async () => {
    const target = new Uint32Array(1_000_000)
    const seeds: MaskSeed[] = [1, 2].map((first) => ({ key: ascending(first, 32), sign: 1 }))
    let turns = 0
    let running = true
    const turn = () => {
      turns += 1
      if (running) setImmediate(turn)
    }
    setImmediate(turn)
    const told: number[] = []
    await engine.accumulate(target, seeds, { onProgress: (done) => told.push(done) })
    running = false
    // 8 MB of keystream in turns of half a MiB.
    expect(turns).toBeGreaterThanOrEqual(15)
    expect(told).toEqual([...new Set(told)].sort((a, b) => a - b))
    expect(told.at(-1)).toBe(8_000_000)
  })

  test('nothing to do is done at once', async () => {
    const told: [number, number][] = []
    const target = Uint16Array.of(1, 2)
    await engine.accumulate(target, [], { onProgress: (done, total) => told.push([done, total]) })
    await engine.accumulate(new Uint16Array(0), [{ key: zeroKey, sign: 1 }])
    expect([...target]).toEqual([1, 2])
    expect(told).toEqual([[0, 0]])
  })

  test('an aborted call rejects with the reason, before it starts or in the middle', async () => {
    const reason = new Error('the session ended')
    const seeds: MaskSeed[] = [{ key: zeroKey, sign: 1 }]
    const untouched = new Uint16Array(10)
    await expect(engine.accumulate(untouched, seeds, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(untouched).toEqual(new Uint16Array(10))
    const controller = new AbortController()
    const options = { signal: controller.signal, onProgress: () => controller.abort(reason) }
    await expect(engine.accumulate(new Uint32Array(1_000_000), seeds, options)).rejects.toBe(reason)
  })

  test('calls that overlap do not disturb each other', async () => {
    const alone = new Uint32Array(300_000)
    await engine.accumulate(alone, [{ key: ascending(1, 32), sign: 1 }])
    const [first, second] = [new Uint32Array(300_000), new Uint32Array(300_000)]
    const seeds: MaskSeed[] = [{ key: ascending(1, 32), sign: 1 }]
    await Promise.all([engine.accumulate(first, seeds), engine.accumulate(second, seeds)])
    expect(Buffer.from(first.buffer).equals(Buffer.from(alone.buffer))).toBe(true)
    expect(Buffer.from(second.buffer).equals(Buffer.from(alone.buffer))).toBe(true)
  })
})
