/**
 * Holds what a GPU computed against the CPU, on slices that nobody could foresee. It finds what goes wrong in drivers:
 * masks or blocks left out, a dispatch lost, memory mixed up. A single lane that is wrong among millions it may miss.
 */
import { randomInt } from 'node:crypto'
import { wipe } from '../../crypto/secrets.ts'
import type { Lanes } from '../../vector/encoding.ts'
import type { MaskEngine, MaskSeed } from '../mask-engine.ts'

const SLICE_BYTES = 4096
/** Besides the first and the last. */
const RANDOM_SLICES = 2

export interface SumToCheck {
  /** The sum of the masks alone. */
  readonly sum: Lanes
  readonly firstLane: number
  readonly seeds: readonly MaskSeed[]
  readonly cpu: MaskEngine
  readonly signal?: AbortSignal | undefined
}

/** The first lane of a slice that differs, or undefined: the slices are right. */
export async function findWrongSlice({ sum, firstLane, seeds, cpu, signal }: SumToCheck): Promise<number | undefined> {
  const sliceLanes = Math.min(SLICE_BYTES / sum.BYTES_PER_ELEMENT, sum.length)
  const lastStart = sum.length - sliceLanes
  const starts = new Set([0, lastStart])
  for (let slice = 0; slice < RANDOM_SLICES; slice += 1) starts.add(randomInt(lastStart + 1))
  for (const start of starts) {
    const found = sum.subarray(start, start + sliceLanes)
    const expected = found instanceof Uint16Array ? new Uint16Array(sliceLanes) : new Uint32Array(sliceLanes)
    await cpu.accumulate(expected, seeds, { firstLane: firstLane + start, ...(signal ? { signal } : {}) })
    const differs = !bytesOf(expected).equals(bytesOf(found))
    wipe(expected)
    if (differs) return firstLane + start
  }
  return undefined
}

function bytesOf({ buffer, byteOffset, byteLength }: Lanes): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
