/** A runtime without WebAssembly, or with one that has no SIMD: the same masks, in plain JavaScript. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { MaskSeed } from '../../../shared/masks/mask-engine.ts'
import { ascending } from '../../vectors/hex.ts'
import { emptyLanes, expected, sameBytes } from './engines.ts'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.resetModules()
})

describe.each([
  ['no WebAssembly', undefined],
  ['no SIMD', { validate: () => false }],
])('%s', (_name, webAssembly) => {
  test('is noticed, and masks are the same', async () => {
    vi.resetModules()
    vi.stubGlobal('WebAssembly', webAssembly)
    const { bestArithmetic } = await import('../../../shared/masks/tile.ts')
    const { cpuMaskEngine } = await import('../../../shared/masks/cpu-engine.ts')
    expect(bestArithmetic()).toBe('plain')
    const seeds = [1, 2].map((first): MaskSeed => ({ key: ascending(first, 32), sign: first === 1 ? 1 : -1 }))
    for (const wide of [true, false]) {
      const lanes = emptyLanes({ lengthLanes: 20_001, wide })
      const want = await expected(lanes, seeds, 5)
      await cpuMaskEngine().accumulate(lanes, seeds, { firstLane: 5 })
      expect(sameBytes(lanes, want)).toBe(true)
    }
  })
})
