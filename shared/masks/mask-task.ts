/**
 * What the CPU engine does on one thread or several: masks are added to lanes, or an update is made into masked, packed
 * bytes. Tasks are plain data, and everything large or secret in them lies in memory that threads share and the engine
 * overwrites.
 */
import type { Lanes } from '../vector/encoding.ts'
import type { MaskSeed } from './mask-engine.ts'
import type { KeystreamSource } from './mask-streams.ts'
import type { Arithmetic } from './tile.ts'
import type { LaneRange } from './tile-range.ts'

export type MaskTask = AddTask | InputTask

/** Masks in memory that threads can read. */
export interface SharedMasks {
  /** 32 bytes per seed; overwritten when the work is over. */
  readonly keys: SharedArrayBuffer
  readonly signs: readonly (1 | -1)[]
  readonly source: KeystreamSource
}

/** Adds masks to lanes in place. */
export interface AddTask {
  readonly kind: 'add'
  /** Over a SharedArrayBuffer, unless it is done on the caller's thread. */
  readonly target: Lanes
  readonly firstLane: number
  readonly arithmetic: Arithmetic
  readonly masks: SharedMasks
}

/** Makes part of a masked input. Needs the kernels. */
export interface InputTask {
  readonly kind: 'make-input'
  /** Starts at a multiple of a tile. */
  readonly range: LaneRange
  /** The coordinates of the range's parameter lanes; over a SharedArrayBuffer, unless it is done on the caller's thread. */
  readonly update: Float32Array
  readonly rounding: Rounding
  readonly masks: SharedMasks
  /** Lanes before the scalars. */
  readonly parameterLanes: number
  /** All of the vector's scalar lanes; overwritten when the work is over. */
  readonly scalarLanes: Uint32Array
  /** The whole vector's packed bytes, over a SharedArrayBuffer. Nothing is written there that was not masked. */
  readonly packed: Uint8Array
  /** See {@link BlockDigests}. */
  readonly blocks: SharedArrayBuffer
}

/** As `PreparedUpdate` has them. */
export interface Rounding {
  /** 32 bytes over shared memory; overwritten when the work is over. */
  readonly seed: Uint8Array
  readonly clipFactor: number
  readonly laneRange: number
  readonly unitsPerOne: number
  readonly largest: number
  readonly modulusBits: number
}

/** How a task is to be carried out. */
export interface TaskOptions {
  readonly signal?: AbortSignal | undefined
  /** Told bytes of keystream, rising; the end is told by the engine. */
  readonly onProgress?: ((doneBytes: number) => void) | undefined
}

const KEY_BYTES = 32

/** Copies the keys to shared memory; the caller overwrites it. */
export function sharedMasks(seeds: readonly MaskSeed[], source: KeystreamSource): SharedMasks {
  const keys = new SharedArrayBuffer(seeds.length * KEY_BYTES)
  const bytes = new Uint8Array(keys)
  for (const [place, { key }] of seeds.entries()) bytes.set(key, place * KEY_BYTES)
  return { keys, signs: seeds.map(({ sign }) => sign), source }
}

/** The seeds again; their keys lie in the shared memory. */
export function seedsOf({ keys, signs }: SharedMasks): readonly MaskSeed[] {
  return signs.map((sign, place) => ({ key: new Uint8Array(keys, place * KEY_BYTES, KEY_BYTES), sign }))
}

/** Which lanes a task is about. */
export function rangeOf(task: MaskTask): LaneRange {
  if (task.kind === 'make-input') return task.range
  const { target, firstLane } = task
  return { firstLane, lengthLanes: target.length, laneBytes: target.BYTES_PER_ELEMENT }
}
