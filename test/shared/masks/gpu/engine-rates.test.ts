import { expect, test } from 'vitest'
import { breakEvenBytes, type EngineRates, gpuWins } from '../../../../shared/masks/gpu/engine-rates.ts'

const MB = 1e6
/** A CPU of 2 GB/s, a GPU of 200 GB/s, 1 ms to get there, 1 GB/s to bring the vector back. */
const RATES: EngineRates = {
  cpuBytesPerMs: 2 * MB,
  gpuBytesPerMs: 200 * MB,
  gpuFixedMs: 1,
  gpuMsPerVectorByte: 1 / MB,
}

test('the GPU wins from the break-even volume on, and not below', () => {
  for (const seeds of [3, 10, 30, 1000]) {
    const volume = breakEvenBytes(RATES, seeds)
    expect(gpuWins(RATES, { vectorBytes: (1.01 * volume) / seeds, seeds })).toBe(true)
    expect(gpuWins(RATES, { vectorBytes: (0.99 * volume) / seeds, seeds })).toBe(false)
  }
})

test('with a mask or two, bringing the vector back costs more than masking it', () => {
  expect(breakEvenBytes(RATES, 1)).toBe(Number.POSITIVE_INFINITY)
  expect(breakEvenBytes(RATES, 2)).toBe(Number.POSITIVE_INFINITY)
  expect(gpuWins(RATES, { vectorBytes: 1000 * MB, seeds: 2 })).toBe(false)
})

test('a GPU that is hardly faster is left alone', () => {
  const rates = { ...RATES, gpuBytesPerMs: 2.4 * MB }
  expect(breakEvenBytes(rates, 100_000)).toBe(Number.POSITIVE_INFINITY)
})
