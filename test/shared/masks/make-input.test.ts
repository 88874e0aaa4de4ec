/** Masked inputs made tile by tile: the bytes that the plain steps make, ready in order, and every way to end early. */
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { type CpuMaskOptions, cpuMaskEngine } from '../../../shared/masks/cpu-engine.ts'
import type { InputToMake } from '../../../shared/masks/mask-engine.ts'
import { MaskThreads } from '../../../shared/masks/mask-threads.ts'
import { closeThreads, twoThreads } from './engines.ts'
import { plainInput, preparedUpdate, randomSeeds, roomFor, widths } from './inputs.ts'

afterAll(closeThreads)

const CHOICES: Readonly<Record<string, CpuMaskOptions>> = {
  'as chosen': {},
  'OpenSSL, caller’s thread': { source: 'openssl', threads: 'none' },
  'keystream in WASM, caller’s thread': { source: 'tile', threads: 'none' },
  'OpenSSL, two threads': { source: 'openssl', threads: twoThreads },
  'keystream in WASM, two threads': { source: 'tile', threads: twoThreads },
}

function making(input: InputToMake, options: CpuMaskOptions = {}): Promise<Uint8Array> {
  const made = cpuMaskEngine(options).makeInput?.(input)
  if (made === undefined || made === null) throw new Error('the CPU engine makes inputs where it has kernels')
  return made
}

const same = (one: Uint8Array, other: Uint8Array) => Buffer.compare(one, other) === 0

describe.each(Object.entries(CHOICES))('%s', (_name, options) => {
  test('any length, any modulus, any number of masks: the plain steps’ bytes and digest', async () => {
    const bits = fc.integer({ min: 2, max: 24 }).chain((inputBits) =>
      fc.record({
        inputBits: fc.constant(inputBits),
        modulusBits: fc.integer({ min: Math.max(8, inputBits + 4), max: 32 }),
      }),
    )
    // Also such that the scalars stand across the end of a tile.
    const lengths = fc.oneof(
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 16_370, max: 16_390 }),
      fc.integer({ min: 16_000, max: 70_000 }),
    )
    await fc.assert(
      fc.asyncProperty(lengths, bits, fc.nat({ max: 4 }), fc.boolean(), async (length, bits, masks, shared) => {
        const [prepared, seeds] = [preparedUpdate(length, bits, shared), randomSeeds(masks)]
        const packed = roomFor(prepared)
        const want = await plainInput(prepared, seeds)
        const digest = await making({ prepared, seeds, packed }, options)
        expect(same(packed, want.packed)).toBe(true)
        expect(digest).toEqual(want.digest)
      }),
      { numRuns: 25 },
    )
  })

  test.each(widths)('%s, longer than a window: ready in order', async (_width, bits) => {
    const [prepared, seeds] = [preparedUpdate(2_200_001, bits), randomSeeds(2)]
    const packed = roomFor(prepared)
    const want = await plainInput(prepared, seeds)
    const told: number[] = []
    const onReady = (readyBytes: number) => {
      told.push(readyBytes)
      expect(same(packed.subarray(0, readyBytes), want.packed.subarray(0, readyBytes))).toBe(true)
    }
    expect(await making({ prepared, seeds, packed, onReady }, options)).toEqual(want.digest)
    expect(told).toEqual([...new Set(told)].sort((a, b) => a - b))
    // With many cores, a window of all of them is longer.
    if (options.threads !== undefined) expect(told.length).toBeGreaterThan(1)
    expect(told.at(-1)).toBe(packed.length)
  })
})

/** Resolves once the first bytes have been made. */
async function begun(packed: Uint8Array): Promise<void> {
  while (packed.subarray(0, 16).every((byte) => byte === 0xee)) await setImmediate()
}

describe('ends early', () => {
  const reason = new Error('the session ended')

  test.each(['none', twoThreads] as const)('aborted before it starts, and in the middle', async (threads) => {
    const [prepared, seeds] = [preparedUpdate(1_500_000, widths[1][1]), randomSeeds(200)]
    const before = roomFor(prepared)
    const signal = AbortSignal.abort(reason)
    await expect(making({ prepared, seeds, packed: before, signal }, { threads })).rejects.toBe(reason)
    expect(before.every((byte) => byte === 0xee)).toBe(true)

    const controller = new AbortController()
    const packed = roomFor(prepared)
    const made = making({ prepared, seeds, packed, signal: controller.signal }, { threads })
    void begun(packed).then(() => controller.abort(reason))
    await expect(made).rejects.toBe(reason)
    // Nobody goes on.
    const left = packed.slice()
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(same(packed, left)).toBe(true)
    expect(packed.subarray(-16).every((byte) => byte === 0xee)).toBe(true)
  })

  test('a thread that is killed fails it, and the next one is made by new threads', async () => {
    const threads = new MaskThreads({ count: 2 })
    const [prepared, seeds] = [preparedUpdate(1_500_000, widths[1][1]), randomSeeds(200)]
    const packed = roomFor(prepared)
    void begun(packed).then(() => threads.close())
    const code = 'mask_thread_failed'
    await expect(making({ prepared, seeds, packed }, { threads })).rejects.toMatchObject({ code })
    const again = preparedUpdate(1000, widths[0][1])
    const room = roomFor(again)
    await making({ prepared: again, seeds, packed: room }, { threads })
    expect(same(room, (await plainInput(again, seeds)).packed)).toBe(true)
    await threads.close()
  })
})

test('without kernels there is none, and the caller goes step by step', () => {
  expect(cpuMaskEngine({ arithmetic: 'plain' }).makeInput).toBeUndefined()
})

test('the event loop turns while inputs are made', async () => {
  const [prepared, seeds] = [preparedUpdate(500_000, widths[1][1]), randomSeeds(5)]
  let turns = 0
  let running = true
  const turning = (async () => {
    for (; running; turns += 1) await setImmediate()
  })()
  await making({ prepared, seeds, packed: roomFor(prepared) }, { threads: 'none' })
  running = false
  await turning
  // 10 MB of keystream in turns of half a MiB.
  expect(turns).toBeGreaterThanOrEqual(15)
})
