/**
 * Holds what a GPU computed against the CPU, on slices that nobody could foresee, and looks all of it over for blocks without
 * any mask. It finds what goes wrong in drivers: masks or blocks left out, a dispatch lost, memory mixed up. A single lane that
 * is wrong among millions it may miss.
 */
import { randomInt } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
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

/** Blocks looked over between two turns of the event loop: about a millisecond's worth. */
const BLOCKS_PER_TURN = 16 * 1024
const BLOCK_WORDS = 16

/**
 * The first 64-byte block of zeros in sums that begin with a block, or undefined. Masks add up to one by chance with 2^-512; a
 * lost dispatch leaves many, and lanes over which it was added would stand there without a mask.
 */
export async function findEmptyBlock(sums: ArrayBufferLike, signal?: AbortSignal): Promise<number | undefined> {
  const words = new Uint32Array(sums)
  for (let block = 0; block * BLOCK_WORDS < words.length; block += 1) {
    if (block % BLOCKS_PER_TURN === BLOCKS_PER_TURN - 1) {
      await setImmediate()
      signal?.throwIfAborted()
    }
    let any = 0
    for (let word = block * BLOCK_WORDS; word < (block + 1) * BLOCK_WORDS; word += 1) any |= words[word]!
    if (any === 0) return block
  }
  return undefined
}

function bytesOf({ buffer, byteOffset, byteLength }: Lanes): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
