/** One piece of work of the CPU engine, with everything about it decided. */
import type { Lanes } from '../vector/encoding.ts'
import type { MaskSeed } from './mask-engine.ts'
import type { KeystreamSource } from './mask-streams.ts'
import type { Arithmetic } from './tile.ts'

export interface MaskWork {
  readonly target: Lanes
  readonly firstLane: number
  readonly seeds: readonly MaskSeed[]
  readonly arithmetic: Arithmetic
  readonly source: KeystreamSource
  /** More threads than these would cost more to wake than they save. */
  readonly mostThreads: number
  readonly signal: AbortSignal | undefined
  /** Told bytes of keystream, rising; the end is told by the engine. */
  readonly onProgress: ((doneBytes: number) => void) | undefined
}
