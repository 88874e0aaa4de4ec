/**
 * Which engine masks run on, as `masks: auto | cpu | gpu` says. `auto` looks for a GPU once, when there is work that one
 * could win, measures both, and takes the GPU for work that is large enough; it says in one line what it found.
 */
import { findPackageJSON } from 'node:module'
import { ConfigError } from '../errors.ts'
import type { Log } from '../runtime/log.ts'
import { breakEvenBytes, type EngineRates, gpuWins, measureRates } from './gpu/engine-rates.ts'
import { type GpuMaskEngine, gpuMaskEngine } from './gpu/gpu-engine.ts'
import { GpuFailure, type GpuFailureCode } from './gpu/gpu-failure.ts'
import type { GpuProcessOptions } from './gpu/gpu-process.ts'
import { adapterWords } from './gpu/probe-gpu.ts'
import type { MaskEngine } from './mask-engine.ts'

export const MASK_ENGINES = ['auto', 'cpu', 'gpu'] as const
export type MaskEngineName = (typeof MASK_ENGINES)[number]

/** The optional package that brings the GPU, in the version that package.json names as a peer. */
export const WEBGPU_PACKAGE = 'webgpu@0.6.2'

export interface EngineChoice {
  readonly wanted: MaskEngineName
  /** Always there: the GPU's sums are checked against it, and it takes over where the GPU fails. */
  readonly cpu: MaskEngine
  readonly log: Pick<Log, 'info' | 'warn'>
  /** Counts work that the CPU did because the GPU failed. */
  readonly onFallback?: (code: GpuFailureCode) => void
  readonly gpuProcess?: GpuProcessOptions
}

export interface ChosenEngine extends MaskEngine {
  /** Ends what the choice started, not the CPU engine. */
  close(): void
}

/** Keystream below which nobody looks for a GPU: two cores make so much in less than the time that looking takes. */
const LOOK_FROM_BYTES = 2 ** 30

/** The engine for a process that runs for long: a GPU that is demanded is looked for now, any other at the first large work. */
export async function maskEngineFor(choice: EngineChoice): Promise<ChosenEngine> {
  const { wanted, cpu, log } = choice
  if (wanted !== 'auto') return chooseMaskEngine(choice)
  let chosen: Promise<ChosenEngine> | undefined
  const choose = () =>
    chooseMaskEngine(choice).catch((error: unknown) => {
      log.warn({ error }, 'masks: on the CPU; looking for a GPU failed')
      return cpuAlone(cpu)
    })
  return {
    async accumulate(target, seeds, options) {
      if (target.byteLength * seeds.length < LOOK_FROM_BYTES) return cpu.accumulate(target, seeds, options)
      chosen ??= choose()
      return (await chosen).accumulate(target, seeds, options)
    },
    close: () => void chosen?.then((engine) => engine.close()),
  }
}

/** Looks and measures at once. @throws ConfigError `no_gpu` where a GPU is demanded and none is there. */
export async function chooseMaskEngine(choice: EngineChoice): Promise<ChosenEngine> {
  const { wanted, cpu, log } = choice
  if (wanted === 'cpu') return cpuAlone(cpu)
  if (wanted === 'auto' && !isPackageThere()) {
    log.info(`masks: on the CPU; npm package ${WEBGPU_PACKAGE}, which brings GPUs, is not installed`)
    return cpuAlone(cpu)
  }
  const failures: GpuFailureCode[] = []
  const gpu = gpuMaskEngine({
    ...choice.gpuProcess,
    cpu,
    log,
    onFallback: (code) => {
      failures.push(code)
      choice.onFallback?.(code)
    },
  })
  try {
    const name = adapterWords(await gpu.adapter())
    if (wanted === 'gpu') {
      log.info(`masks: on the GPU, ${name}, as configured`)
      return gpu
    }
    const rates = await measureRates(cpu, gpu)
    if (failures.length === 0) return byVolume({ cpu, gpu, rates, log, name })
    log.info(`masks: on the CPU; the GPU, ${name}, failed while it was measured (${failures.join(', ')})`)
  } catch (cause) {
    gpu.close()
    if (!(cause instanceof GpuFailure)) throw cause
    if (wanted === 'gpu') throw new ConfigError('no_gpu', whatToDo(cause), { cause })
    log.info(`masks: on the CPU (${cause.code}: ${cause.message})`)
  }
  gpu.close()
  return cpuAlone(cpu)
}

function cpuAlone(cpu: MaskEngine): ChosenEngine {
  return { accumulate: (target, seeds, options) => cpu.accumulate(target, seeds, options), close: () => {} }
}

function byVolume(input: {
  readonly cpu: MaskEngine
  readonly gpu: GpuMaskEngine
  readonly rates: EngineRates
  readonly log: EngineChoice['log']
  readonly name: string
}): ChosenEngine {
  const { cpu, gpu, rates, log, name } = input
  const seeds = SHOWN_SEEDS.find((count) => breakEvenBytes(rates, count) < Number.POSITIVE_INFINITY)
  const figures = {
    cpuMBps: Math.round(rates.cpuBytesPerMs / 1000),
    gpuMBps: Math.round(rates.gpuBytesPerMs / 1000),
    gpuFixedMs: Number(rates.gpuFixedMs.toFixed(2)),
    gpuVectorMBps: Math.round(1 / (1000 * rates.gpuMsPerVectorByte)),
  }
  if (seeds === undefined) {
    log.info(figures, `masks: on the CPU; the GPU, ${name}, is not faster`)
    gpu.close()
    return cpuAlone(cpu)
  }
  const from = `${Math.ceil(breakEvenBytes(rates, seeds) / 1e6)} MB of keystream`
  log.info(figures, `masks: on the GPU, ${name}, from about ${from} at ${seeds} masks on; on the CPU below`)
  return {
    accumulate(target, seeds, options) {
      const wins = gpuWins(rates, { vectorBytes: target.byteLength, seeds: seeds.length })
      return (wins ? gpu : cpu).accumulate(target, seeds, options)
    },
    close: () => gpu.close(),
  }
}

/** What the log line speaks of: about a participant's neighbours, or a coordinator's masks where only these are enough. */
const SHOWN_SEEDS = [30, 1000, 100_000]

function isPackageThere(): boolean {
  try {
    return findPackageJSON('webgpu', import.meta.url) !== undefined
  } catch {
    return false
  }
}

function whatToDo({ code, message }: GpuFailure): string {
  const advice: Partial<Record<GpuFailureCode, string>> = {
    package_missing: `install it beside blindsum with: npm install ${WEBGPU_PACKAGE}`,
    no_adapter:
      'install the driver of the GPU with its Vulkan part (in a container, NVIDIA_DRIVER_CAPABILITIES must include graphics)',
    software_adapter: 'it would be slower than the CPU engine; install the driver of a GPU',
  }
  return `masks: gpu is configured, but ${message}; ${advice[code] ?? 'see the driver’s own diagnostics'}, or set masks: auto`
}
