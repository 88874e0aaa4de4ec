/**
 * The mask engine of a processor: keystream by OpenSSL, or in WebAssembly where it is short; added with SIMD; on all cores.
 * Little work, and all work where there are no threads to be had, is done on the caller's thread.
 */
import { setImmediate } from 'node:timers/promises'
import { wipe } from '../crypto/secrets.ts'
import type { Lanes } from '../vector/encoding.ts'
import { addOnCallerThread } from './caller-thread.ts'
import { type MaskEngine, type MaskSeed, requireMasks } from './mask-engine.ts'
import { bestSource, type KeystreamSource } from './mask-streams.ts'
import { MaskThreads } from './mask-threads.ts'
import type { MaskWork } from './mask-work.ts'
import { type Arithmetic, bestArithmetic } from './tile.ts'

/** Keystream per thread below which waking one more costs more than it saves: about a millisecond's worth. */
const BYTES_PER_THREAD = 4 * 1024 * 1024
/** Lanes outside of shared memory are copied to it and back, a window at a time; that pays from so many masks on. */
const COPIES_FROM_SEEDS = 3
const WINDOW_BYTES = 16 * 1024 * 1024
/** Copied between two turns of the event loop: about a millisecond's worth. */
const COPIED_PER_TURN_BYTES = 4 * 1024 * 1024
/** So many ciphers are held per thread. */
const SEEDS_PER_PASS = 1024

/** What to use instead of the fastest. Every choice gives the same lanes. */
export interface CpuMaskOptions {
  readonly arithmetic?: Arithmetic
  readonly source?: KeystreamSource
  /** A pool of its own, used for all work, little or much; or none. */
  readonly threads?: MaskThreads | 'none'
}

/** Shared by all engines of this process that were given no threads of their own. */
let processThreads: MaskThreads | undefined

/** Calls may overlap; those on threads take turns. */
export function cpuMaskEngine(options: CpuMaskOptions = {}): MaskEngine {
  const arithmetic = options.arithmetic ?? bestArithmetic()
  return {
    async accumulate(target, seeds, { signal, onProgress, firstLane = 0 } = {}) {
      signal?.throwIfAborted()
      requireMasks(target, seeds, firstLane)
      const totalBytes = target.byteLength * seeds.length
      const threads = await threadsFor(target, seeds, options.threads)
      const mostThreads = threads === null ? 1 : mostThreadsOf(threads, totalBytes)
      const source = options.source ?? bestSource(target.byteLength / mostThreads)
      for (let pass = 0; pass < seeds.length; pass += SEEDS_PER_PASS) {
        const before = target.byteLength * pass
        // The end is told once, below.
        const tell = (bytes: number) => before + bytes < totalBytes && onProgress?.(before + bytes, totalBytes)
        const some = seeds.slice(pass, pass + SEEDS_PER_PASS)
        const how = { arithmetic, source, mostThreads, signal, onProgress: onProgress && tell }
        const work = { target, firstLane, seeds: some, ...how }
        if (threads === null) await addOnCallerThread(work)
        else if (isShared(target)) await threads.run(work)
        else await addToCopies(work, threads)
      }
      onProgress?.(totalBytes, totalBytes)
    },
  }
}

/** The threads that are to do it, running; null when it is better done here, or there are none. */
async function threadsFor(
  target: Lanes,
  seeds: readonly MaskSeed[],
  wanted: CpuMaskOptions['threads'],
): Promise<MaskThreads | null> {
  if (wanted === 'none' || target.length === 0 || seeds.length === 0) return null
  processThreads ??= new MaskThreads()
  const threads = wanted ?? processThreads
  const mostThreads = mostThreadsOf(threads, target.byteLength * seeds.length)
  if (threads === processThreads) {
    if (mostThreads < 2) return null
    if (!isShared(target) && seeds.length < COPIES_FROM_SEEDS) return null
  }
  if ((await threads.start(mostThreads)) > 0) return threads
  process.emitWarning('No mask threads could be started: masks are added on the main thread, on one core.', {
    code: 'BLINDSUM_NO_MASK_THREADS',
  })
  return null
}

/** How many threads are worth waking for so much keystream; all of a pool of the caller's own. */
function mostThreadsOf(threads: MaskThreads, keystreamBytes: number): number {
  if (threads !== processThreads) return threads.count
  return Math.min(threads.count, Math.max(1, Math.floor(keystreamBytes / BYTES_PER_THREAD)))
}

/** Takes the target through shared memory, a window at a time. */
async function addToCopies(work: MaskWork, threads: MaskThreads): Promise<void> {
  const { target, firstLane, seeds, onProgress } = work
  const memory = new SharedArrayBuffer(Math.min(WINDOW_BYTES, target.byteLength))
  const windowLanes = memory.byteLength / target.BYTES_PER_ELEMENT
  try {
    for (let from = 0; from < target.length; from += windowLanes) {
      const window = target.subarray(from, from + windowLanes)
      const copy = lanesOver(memory, window)
      const before = from * target.BYTES_PER_ELEMENT * seeds.length
      await copyLanes(copy, window)
      await threads.run({
        ...work,
        target: copy,
        firstLane: firstLane + from,
        onProgress: onProgress && ((bytes) => onProgress(before + bytes)),
      })
      await copyLanes(window, copy)
    }
  } finally {
    wipe(new Uint8Array(memory))
  }
}

async function copyLanes(to: Lanes, from: Lanes): Promise<void> {
  const step = COPIED_PER_TURN_BYTES / from.BYTES_PER_ELEMENT
  for (let at = 0; at < from.length; at += step) {
    if (at > 0) await setImmediate()
    to.set(from.subarray(at, at + step), at)
  }
}

/** As many lanes of the same width, over other memory. */
function lanesOver(memory: SharedArrayBuffer, like: Lanes): Lanes {
  return like instanceof Uint16Array ? new Uint16Array(memory, 0, like.length) : new Uint32Array(memory, 0, like.length)
}

function isShared(lanes: Lanes): boolean {
  return lanes.buffer instanceof SharedArrayBuffer
}
