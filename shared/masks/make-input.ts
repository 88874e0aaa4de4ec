/**
 * The CPU engine's way from an update to its masked input. Goes over the vector in windows, first to last, so that the packed
 * bytes are ready in order; within a window all threads work. An update outside of shared memory gets there window by window.
 */
import { setImmediate } from 'node:timers/promises'
import { wipe } from '../crypto/secrets.ts'
import { invariant } from '../errors.ts'
import { largestInput } from '../vector/encoding.ts'
import type { PreparedUpdate } from '../vector/quantize.ts'
import { BlockDigests } from './block-digests.ts'
import { doOnCallerThread } from './caller-thread.ts'
import { threadsFor } from './choose-threads.ts'
import type { InputToMake } from './mask-engine.ts'
import { bestSource, type KeystreamSource } from './mask-streams.ts'
import { type InputTask, type Rounding, sharedMasks } from './mask-task.ts'
import type { MaskThreads } from './mask-threads.ts'

/** Long enough per thread that new ciphers for every window cost little, short enough that the upload begins soon. */
const WINDOW_LANES_PER_THREAD = 1024 * 1024
const MOST_WINDOW_LANES = 8 * WINDOW_LANES_PER_THREAD
/** Copied between two turns of the event loop: about a millisecond's worth. */
const COPIED_PER_TURN_LANES = 1024 * 1024
const SEED_BYTES = 32

/** See {@link MaskEngine.makeInput}. */
export async function makeInput(
  input: InputToMake,
  options: { readonly source?: KeystreamSource; readonly threads?: MaskThreads | 'none' },
): Promise<Uint8Array> {
  const { prepared, seeds, packed, signal, onReady } = input
  const { update, layout } = prepared
  const { lengthLanes, parameterLanes, modulusBits } = layout
  signal?.throwIfAborted()
  for (const { key } of seeds)
    invariant(key.length === SEED_BYTES, `a mask key has ${SEED_BYTES} bytes, not ${key.length}`)
  invariant(packed.length === layout.packedBytes, `${layout.packedBytes} packed bytes are made, not ${packed.length}`)
  const laneBytes = layout.laneWidth / 8
  const keystreamBytes = lengthLanes * laneBytes * seeds.length
  const chosen = await threadsFor({ keystreamBytes, paysCopying: true }, options.threads)
  const mostThreads = chosen?.mostThreads ?? 1
  const windowLanes = Math.min(lengthLanes, mostThreads * WINDOW_LANES_PER_THREAD, MOST_WINDOW_LANES)
  const source = options.source ?? bestSource((windowLanes * laneBytes) / mostThreads)
  const blocks = BlockDigests.create(packed.length)
  const secrets = shareSecrets(prepared, seeds, source)
  const copies = chosen !== null && !(update.buffer instanceof SharedArrayBuffer)
  const window = new Float32Array(new SharedArrayBuffer(copies ? windowLanes * update.BYTES_PER_ELEMENT : 0))
  try {
    for (let from = 0; from < lengthLanes; from += windowLanes) {
      const to = Math.min(from + windowLanes, lengthLanes)
      const part = update.subarray(from, to)
      if (copies) await copyFloats(window, part)
      const task: InputTask = {
        ...secrets,
        kind: 'make-input',
        range: { firstLane: from, lengthLanes: to - from, laneBytes },
        update: copies ? window.subarray(0, part.length) : part,
        parameterLanes,
        packed,
        blocks,
      }
      if (chosen === null) await doOnCallerThread(task, { signal })
      else await chosen.threads.run(task, { signal, mostThreads })
      signal?.throwIfAborted()
      onReady?.(Math.ceil((to * modulusBits) / 8))
    }
    return new BlockDigests(blocks, packed).final()
  } finally {
    wipe(new Uint8Array(secrets.masks.keys), secrets.rounding.seed, secrets.scalarLanes, window)
  }
}

/** What threads need of the secrets, in memory that is overwritten at the end. */
function shareSecrets(prepared: PreparedUpdate, seeds: InputToMake['seeds'], source: KeystreamSource) {
  const { encoding, clipFactor, unitsPerOne } = prepared
  const scalarLanes = new Uint32Array(new SharedArrayBuffer(prepared.scalarLanes.length * 4))
  scalarLanes.set(prepared.scalarLanes)
  const seed = new Uint8Array(new SharedArrayBuffer(SEED_BYTES))
  seed.set(prepared.roundingSeed)
  const { laneRange, inputBits, modulusBits } = encoding
  const rounding: Rounding = {
    seed,
    ...{ clipFactor, laneRange, unitsPerOne, modulusBits },
    largest: largestInput(inputBits),
  }
  return { masks: sharedMasks(seeds, source), rounding, scalarLanes }
}

async function copyFloats(to: Float32Array, from: Float32Array): Promise<void> {
  for (let at = 0; at < from.length; at += COPIED_PER_TURN_LANES) {
    if (at > 0) await setImmediate()
    to.set(from.subarray(at, at + COPIED_PER_TURN_LANES), at)
  }
}
