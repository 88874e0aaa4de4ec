/**
 * The mask engine on a GPU. A child process adds up the masks alone, so that the vector stays here and untouched until a
 * sum has come back whole and its slices agree with the CPU's; then it is added. Whatever goes wrong before that, the CPU
 * engine does the work, with one line in the log and one count in the metrics.
 */
import { performance } from 'node:perf_hooks'
import { wipe } from '../../crypto/secrets.ts'
import type { Log } from '../../runtime/log.ts'
import type { Lanes } from '../../vector/encoding.ts'
import { type AccumulateOptions, type MaskEngine, type MaskSeed, requireMasks } from '../mask-engine.ts'
import type { AdapterReport } from './adapter.ts'
import { addSum } from './add-sum.ts'
import { findEmptyBlock, findWrongSlice } from './check-sum.ts'
import { GpuFailure, type GpuFailureCode } from './gpu-failure.ts'
import { GpuProcess, type GpuProcessOptions } from './gpu-process.ts'
import { type JobPiece, jobPieces } from './job-pieces.ts'
import { REST_MS, RetryRule } from './retry-rule.ts'

export interface GpuEngineOptions extends GpuProcessOptions {
  /** Checks slices, and does the work where the GPU fails. Stays the caller's: closing this engine leaves it open. */
  readonly cpu: MaskEngine
  readonly log: Pick<Log, 'warn'>
  /** Told once for every piece of work that the CPU did in the GPU's place after a failure. */
  readonly onFallback?: (code: GpuFailureCode) => void
}

export interface GpuMaskEngine extends MaskEngine {
  /** What GPU there is; starts the child. Rejects with GpuFailure where there is none. */
  adapter(): Promise<AdapterReport>
  /** The child's process id while there is one. */
  readonly pid: number | undefined
  /** Ends the child. Work under way goes on on the CPU. */
  close(): void
}

/** A child without work holds some 200 MB; starting one takes about a second. */
const IDLE_MS = 5 * 60_000

/** Starts no child before there is work. Calls may overlap; the child takes them in turn. */
export function gpuMaskEngine(options: GpuEngineOptions): GpuMaskEngine {
  const { cpu, log, onFallback } = options
  const retries = new RetryRule(() => performance.now())
  let gpu: GpuProcess | undefined
  let idleClock: NodeJS.Timeout | undefined

  function runningGpu(): GpuProcess {
    if (gpu === undefined || gpu.hasEnded) gpu = new GpuProcess(options)
    clearTimeout(idleClock)
    idleClock = setTimeout(() => gpu?.kill(), IDLE_MS).unref()
    return gpu
  }

  function fellBack({ code, message }: GpuFailure): void {
    retries.failed(code)
    const after = retries.isResting ? `; masks stay on the CPU for ${REST_MS / 60_000} minutes` : ''
    log.warn({ code }, `masks: the GPU gave no sum, the CPU computes it (${code}: ${message})${after}`)
    onFallback?.(code)
  }

  return {
    async accumulate(target, seeds, given = {}) {
      const { signal, onProgress, firstLane = 0 } = given
      signal?.throwIfAborted()
      requireMasks(target, seeds, firstLane)
      if (target.length === 0 || seeds.length === 0 || retries.isResting) return cpu.accumulate(target, seeds, given)
      const options: AccumulateOptions = { ...given, ...(onProgress ? { onProgress: rising(onProgress) } : {}) }
      let sums: readonly Lanes[]
      try {
        sums = await checkedSums({ gpu: runningGpu(), cpu, target, seeds, options })
        retries.succeeded()
      } catch (cause) {
        signal?.throwIfAborted()
        if (!(cause instanceof GpuFailure)) throw cause
        fellBack(cause)
        return cpu.accumulate(target, seeds, options)
      }
      let start = 0
      for (const sum of sums) {
        await addSum(target.subarray(start, start + sum.length), sum)
        start += sum.length
        wipeAll(sum)
      }
      options.onProgress?.(target.byteLength * seeds.length, target.byteLength * seeds.length)
    },
    adapter: () => runningGpu().ready,
    get pid() {
      return gpu === undefined || gpu.hasEnded ? undefined : gpu.pid
    },
    close() {
      clearTimeout(idleClock)
      gpu?.kill()
    },
  }
}

interface Work {
  readonly gpu: GpuProcess
  readonly cpu: MaskEngine
  readonly target: Lanes
  readonly seeds: readonly MaskSeed[]
  readonly options: AccumulateOptions
}

/** The sums of the masks, piece by piece of the target, every one checked; or a GpuFailure, or the signal's reason. */
async function checkedSums(work: Work): Promise<readonly Lanes[]> {
  const { gpu, target, seeds, options } = work
  const laneBytes = target instanceof Uint16Array ? 2 : 4
  const pieces = jobPieces({ firstLane: options.firstLane ?? 0, lengthLanes: target.length, laneBytes })
  const shares = pieces.map(() => 0)
  const tell = (place: number, share: number) => {
    shares[place] = share
    const lanes = pieces.reduce((sum, piece, each) => sum + Math.floor(piece.lengthLanes * shares[each]!), 0)
    options.onProgress?.(lanes * laneBytes * seeds.length, target.byteLength * seeds.length)
  }
  let firstCause: unknown
  // All at once: the child takes the next piece while this side receives and checks the last one.
  const outcomes = await Promise.allSettled(
    pieces.map((piece, place) =>
      checkedSum(piece, work, (share) => tell(place, share)).catch((cause) => {
        firstCause ??= cause
        // One piece wrong or lost, none is trusted. A cancelled job leaves the child as it is.
        if (cause instanceof GpuFailure) gpu.kill()
        throw cause
      }),
    ),
  )
  const sums = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  if (firstCause === undefined) return sums
  sums.forEach(wipeAll)
  throw firstCause
}

async function checkedSum(piece: JobPiece, work: Work, onProgress: (share: number) => void): Promise<Lanes> {
  const { gpu, cpu, target, seeds } = work
  const { signal, firstLane = 0 } = work.options
  const { firstBlock, blocks, skippedLanes, lengthLanes } = piece
  const narrowLanes = target instanceof Uint16Array
  const { buffer } = await gpu.sum({ narrowLanes, firstBlock, blocks, seeds }, { signal, onProgress })
  const whole = narrowLanes ? new Uint16Array(buffer) : new Uint32Array(buffer)
  const sum = whole.subarray(skippedLanes, skippedLanes + lengthLanes)
  try {
    const empty = await findEmptyBlock(buffer, signal)
    if (empty !== undefined) {
      throw new GpuFailure(
        'wrong_result',
        `block ${firstBlock + empty} of the sum of ${seeds.length} masks has no mask at all`,
      )
    }
    const wrongLane = await findWrongSlice({ sum, firstLane: firstLane + piece.start, seeds, cpu, signal })
    if (wrongLane === undefined) return sum
    throw new GpuFailure('wrong_result', `the sum of ${seeds.length} masks is wrong from lane ${wrongLane} on`)
  } catch (cause) {
    wipeAll(sum)
    throw cause
  }
}

/** Of a sum, also the lanes before and behind the target's. */
function wipeAll({ buffer }: Lanes): void {
  wipe(new Uint8Array(buffer))
}

/** Progress that starts again on the CPU says nothing until it has passed what was told. */
function rising(onProgress: (done: number, total: number) => void): (done: number, total: number) => void {
  let told = -1
  return (done, total) => {
    if (done <= told) return
    told = done
    onProgress(done, total)
  }
}
