/** Every way in which masks are added, by name; all must give the same lanes. And what tests feed them. */
import fc from 'fast-check'
import { type CpuMaskOptions, cpuMaskEngine } from '../../../shared/masks/cpu-engine.ts'
import type { MaskEngine, MaskSeed } from '../../../shared/masks/mask-engine.ts'
import { MaskThreads } from '../../../shared/masks/mask-threads.ts'
import { plainMaskEngine } from '../../../shared/masks/plain-engine.ts'
import type { Lanes } from '../../../shared/vector/encoding.ts'

export const twoThreads = new MaskThreads({ count: 2 })
const threeThreads = new MaskThreads({ count: 3 })

export async function closeThreads(): Promise<void> {
  await Promise.all([twoThreads.close(), threeThreads.close()])
}

const CHOICES: Readonly<Record<string, CpuMaskOptions>> = {
  'as chosen': {},
  'OpenSSL, added in WASM': { source: 'openssl', threads: 'none' },
  'keystream and addition in WASM': { source: 'tile', threads: 'none' },
  'plain JavaScript': { arithmetic: 'plain', threads: 'none' },
  'plain JavaScript, a cipher for every piece': { arithmetic: 'plain', source: 'tile', threads: 'none' },
  'two threads': { threads: twoThreads },
  'two threads, keystream in WASM': { source: 'tile', threads: twoThreads },
  'three threads, OpenSSL': { source: 'openssl', threads: threeThreads },
  'three threads, plain JavaScript': { arithmetic: 'plain', threads: threeThreads },
}

export const engines: readonly (readonly [name: string, engine: MaskEngine])[] = [
  ['the plain engine', plainMaskEngine()] as const,
  ...Object.entries(CHOICES).map(([name, options]) => [name, cpuMaskEngine(options)] as const),
]

export const aKey = fc.uint8Array({ minLength: 32, maxLength: 32 })
export const aSeed = fc.record({ key: aKey, sign: fc.constantFrom(1 as const, -1 as const) })

/** Random lanes of either width in memory of either kind. */
export const someLanes = fc
  .record({
    lengthLanes: fc.oneof(fc.nat({ max: 100 }), fc.integer({ min: 16_000, max: 70_000 })),
    wide: fc.boolean(),
    shared: fc.boolean(),
    start: fc.nat({ max: 3 }),
    first: fc.nat(),
  })
  .map(({ lengthLanes, wide, shared, start, first }) => {
    const lanes = emptyLanes({ lengthLanes, wide, shared, start })
    for (let lane = 0; lane < lanes.length; lane += 1) lanes[lane] = Math.imul(first + lane, 0x9e3779b1)
    return lanes
  })

/** Zero lanes that start so many lanes into their memory. */
export function emptyLanes(input: {
  readonly lengthLanes: number
  readonly wide: boolean
  readonly shared?: boolean
  readonly start?: number
}): Lanes {
  const { lengthLanes, wide, shared = false, start = 0 } = input
  const laneBytes = wide ? 4 : 2
  const bytes = (start + lengthLanes) * laneBytes
  const memory = shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes)
  const offset = start * laneBytes
  return wide ? new Uint32Array(memory, offset, lengthLanes) : new Uint16Array(memory, offset, lengthLanes)
}

/** What the plain engine makes of a copy. */
export async function expected(lanes: Lanes, seeds: readonly MaskSeed[], firstLane = 0): Promise<Lanes> {
  const copy = lanes.slice()
  await plainMaskEngine().accumulate(copy, seeds, { firstLane })
  return copy
}

export function sameBytes(one: Lanes, other: Lanes): boolean {
  const bytes = (lanes: Lanes) => Buffer.from(lanes.buffer, lanes.byteOffset, lanes.byteLength)
  return bytes(one).equals(bytes(other))
}
