/**
 * The mask engine of a processor: keystream by OpenSSL, or in WebAssembly where it is short; added with SIMD; on all cores.
 * Little work, and all work where there are no threads to be had, is done on the caller's thread.
 */
import { setImmediate } from 'node:timers/promises'
import { wipe } from '../crypto/secrets.ts'
import type { Lanes } from '../vector/encoding.ts'
import { doOnCallerThread } from './caller-thread.ts'
import { type ChosenThreads, threadsFor } from './choose-threads.ts'
import { makeInput } from './make-input.ts'
import { type MaskEngine, requireMasks } from './mask-engine.ts'
import { bestSource, type KeystreamSource } from './mask-streams.ts'
import { type AddTask, sharedMasks, type TaskOptions } from './mask-task.ts'
import type { MaskThreads } from './mask-threads.ts'
import { type Arithmetic, bestArithmetic } from './tile.ts'

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

/** Calls may overlap; those on threads take turns. */
export function cpuMaskEngine(options: CpuMaskOptions = {}): MaskEngine {
  const arithmetic = options.arithmetic ?? bestArithmetic()
  return {
    async accumulate(target, seeds, { signal, onProgress, firstLane = 0 } = {}) {
      signal?.throwIfAborted()
      requireMasks(target, seeds, firstLane)
      const totalBytes = target.byteLength * seeds.length
      const paysCopying = isShared(target) || seeds.length >= COPIES_FROM_SEEDS
      const chosen = await threadsFor({ keystreamBytes: totalBytes, paysCopying }, options.threads)
      const source = options.source ?? bestSource(target.byteLength / (chosen?.mostThreads ?? 1))
      for (let pass = 0; pass < seeds.length; pass += SEEDS_PER_PASS) {
        const before = target.byteLength * pass
        // The end is told once, below.
        const tell = (bytes: number) => before + bytes < totalBytes && onProgress?.(before + bytes, totalBytes)
        const masks = sharedMasks(seeds.slice(pass, pass + SEEDS_PER_PASS), source)
        const task: AddTask = { kind: 'add', target, firstLane, arithmetic, masks }
        const how = { signal, onProgress: onProgress && tell }
        try {
          if (chosen === null) await doOnCallerThread(task, how)
          else if (isShared(target)) await chosen.threads.run(task, { ...how, mostThreads: chosen.mostThreads })
          else await addToCopies(task, chosen, how)
        } finally {
          wipe(new Uint8Array(masks.keys))
        }
      }
      onProgress?.(totalBytes, totalBytes)
    },
    ...(arithmetic === 'kernels' ? { makeInput: (input) => makeInput(input, options) } : {}),
  }
}

/** Takes the target through shared memory, a window at a time. */
async function addToCopies(task: AddTask, { threads, mostThreads }: ChosenThreads, how: TaskOptions): Promise<void> {
  const { target, firstLane, masks } = task
  const { signal, onProgress } = how
  const memory = new SharedArrayBuffer(Math.min(WINDOW_BYTES, target.byteLength))
  const windowLanes = memory.byteLength / target.BYTES_PER_ELEMENT
  try {
    for (let from = 0; from < target.length; from += windowLanes) {
      const window = target.subarray(from, from + windowLanes)
      const copy = lanesOver(memory, window)
      const before = from * target.BYTES_PER_ELEMENT * masks.signs.length
      const tell = onProgress && ((bytes: number) => onProgress(before + bytes))
      await copyLanes(copy, window)
      const part = { ...task, target: copy, firstLane: firstLane + from }
      await threads.run(part, { mostThreads, signal, onProgress: tell })
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
