/** What masks cost on the CPU and on the GPU of this machine, and from which volume on the GPU is worth its way there. */
import { performance } from 'node:perf_hooks'
import { systemRng } from '../../random.ts'
import type { MaskEngine } from '../mask-engine.ts'

export interface EngineRates {
  /** Keystream expanded and added. */
  readonly cpuBytesPerMs: number
  readonly gpuBytesPerMs: number
  /** What every piece of work costs on the GPU: the way to the child and back. */
  readonly gpuFixedMs: number
  /** What the vector costs however many masks there are: reading the sum back, through the pipe, adding it. */
  readonly gpuMsPerVectorByte: number
}

export interface MaskVolume {
  readonly vectorBytes: number
  readonly seeds: number
}

/** The GPU has to be faster by so much: both figures are measured on a machine that does other things too. */
const MARGIN = 0.8
const SMALL_BYTES = 64 * 1024
const VECTOR_BYTES = 4 * 1024 * 1024
/** Long enough to be measured. */
const ENOUGH_MS = 20
const MOST_SEEDS = 512

export function gpuWins(rates: EngineRates, { vectorBytes, seeds }: MaskVolume): boolean {
  const volume = vectorBytes * seeds
  const gpuMs = rates.gpuFixedMs + vectorBytes * rates.gpuMsPerVectorByte + volume / rates.gpuBytesPerMs
  return gpuMs < (MARGIN * volume) / rates.cpuBytesPerMs
}

/** Bytes of keystream from which on the GPU wins, at so many masks; Infinity where it never does. */
export function breakEvenBytes(rates: EngineRates, seeds: number): number {
  const savedMsPerByte = MARGIN / rates.cpuBytesPerMs - 1 / rates.gpuBytesPerMs - rates.gpuMsPerVectorByte / seeds
  return savedMsPerByte > 0 ? rates.gpuFixedMs / savedMsPerByte : Number.POSITIVE_INFINITY
}

/** Takes less than a second with a GPU worth using. */
export async function measureRates(cpu: MaskEngine, gpu: MaskEngine): Promise<EngineRates> {
  // The first time on the GPU the kernel is compiled, on the CPU threads are started.
  await elapsedMs(gpu, { vectorBytes: SMALL_BYTES, seeds: 1 })
  await elapsedMs(cpu, { vectorBytes: VECTOR_BYTES, seeds: 1 })
  const cpuBytesPerMs = await bytesPerMs(cpu, { seeds: 1, besidesMs: 0 })
  const gpuFixedMs = await bestMs(gpu, { vectorBytes: SMALL_BYTES, seeds: 1 })
  const wholeMs = await bestMs(gpu, { vectorBytes: VECTOR_BYTES, seeds: 1 })
  const gpuBytesPerMs = await bytesPerMs(gpu, { seeds: 16, besidesMs: wholeMs })
  const gpuMsPerVectorByte = Math.max(0, wholeMs - gpuFixedMs) / (VECTOR_BYTES - SMALL_BYTES)
  return { cpuBytesPerMs, gpuBytesPerMs, gpuFixedMs, gpuMsPerVectorByte }
}

/** Adds masks, ever more, until that takes long enough to tell; what one costs besides the keystream is left out. */
async function bytesPerMs(
  engine: MaskEngine,
  { seeds, besidesMs }: { readonly seeds: number; readonly besidesMs: number },
): Promise<number> {
  const ms = (await bestMs(engine, { vectorBytes: VECTOR_BYTES, seeds })) - besidesMs
  if (ms < ENOUGH_MS && seeds < MOST_SEEDS) return bytesPerMs(engine, { seeds: seeds * 4, besidesMs })
  return (VECTOR_BYTES * seeds) / Math.max(ms, 0.01)
}

/** Whoever else computes here makes it slower, never faster. */
async function bestMs(engine: MaskEngine, volume: MaskVolume): Promise<number> {
  const first = await elapsedMs(engine, volume)
  return Math.min(first, await elapsedMs(engine, volume))
}

async function elapsedMs(engine: MaskEngine, { vectorBytes, seeds }: MaskVolume): Promise<number> {
  const lanes = new Uint32Array(new SharedArrayBuffer(vectorBytes))
  const masks = Array.from({ length: seeds }, () => ({ key: systemRng(32), sign: 1 as const }))
  const started = performance.now()
  await engine.accumulate(lanes, masks)
  return performance.now() - started
}
