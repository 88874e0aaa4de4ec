/**
 * `npm run bench -- unmask-gpu`: keystream expanded and added on the GPU of this machine, beside all cores and one core of it.
 * Options: --lanes, --seeds, --rounds, --json (one object per line). Where there is no GPU it says so in one line, with status 0.
 * By the clock: what a GPU does is no CPU time.
 */
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { invariant } from '../shared/errors.ts'
import { cpuMaskEngine } from '../shared/masks/cpu-engine.ts'
import { breakEvenBytes, measureRates } from '../shared/masks/gpu/engine-rates.ts'
import { gpuMaskEngine } from '../shared/masks/gpu/gpu-engine.ts'
import { GpuFailure } from '../shared/masks/gpu/gpu-failure.ts'
import { adapterWords, probeGpu } from '../shared/masks/gpu/probe-gpu.ts'
import type { MaskEngine, MaskSeed } from '../shared/masks/mask-engine.ts'
import { MaskThreads } from '../shared/masks/mask-threads.ts'
import { systemRng } from '../shared/random.ts'
import { type Lanes, sharedZeroLanes } from '../shared/vector/encoding.ts'
import { median } from './masks-expand.ts'
import { type Goal, goalLine } from './masks-report.ts'

const { values } = parseArgs({
  options: {
    lanes: { type: 'string', default: '10000000' },
    seeds: { type: 'string', default: '360' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    /** To try the benchmark itself; its figures say nothing about GPUs. */
    'allow-software-adapter': { type: 'boolean', default: false },
  },
})
const [lanes, seedCount, rounds] = [values.lanes, values.seeds, values.rounds].map(Number) as [number, number, number]
invariant(lanes >= 1000 && seedCount >= 1 && rounds >= 1, '--lanes, --seeds and --rounds are whole numbers')
/** The CPU's rate shows with fewer masks. */
const MOST_CPU_SEEDS = 30

const gpuProcess = { allowSoftwareAdapter: values['allow-software-adapter'] }
const found = await probeGpu(gpuProcess)
if (found instanceof GpuFailure) {
  const { code, message } = found
  const row = { name: 'unmask-gpu', gpu: 'no GPU', code, reason: message }
  process.stdout.write(values.json ? `${JSON.stringify(row)}\n` : `no GPU: ${message}\n`)
} else {
  await compare(adapterWords(found))
}

async function compare(gpuName: string): Promise<void> {
  const cpu = cpuMaskEngine()
  const oneThread = new MaskThreads({ count: 1 })
  const oneCore = cpuMaskEngine({ threads: oneThread })
  const onFallback = (code: string) => {
    throw new Error(`the GPU failed (${code}): there is nothing to report`)
  }
  const gpu = gpuMaskEngine({ ...gpuProcess, cpu, log: { warn: () => {} }, onFallback })
  const rows = []
  for (const laneBits of [32, 16] as const) {
    await checkOnce(gpu, cpu, laneBits)
    const rates = { gpu: [] as number[], allCores: [] as number[], oneCore: [] as number[] }
    // The first round compiles the kernel and starts the threads.
    for (let round = -1; round < rounds; round += 1) {
      const cpuSeeds = Math.min(seedCount, MOST_CPU_SEEDS)
      const now = {
        gpu: await bytesPerSecond(gpu, laneBits, seedCount),
        allCores: await bytesPerSecond(cpu, laneBits, cpuSeeds),
        oneCore: await bytesPerSecond(oneCore, laneBits, cpuSeeds),
      }
      if (round >= 0) for (const key of ['gpu', 'allCores', 'oneCore'] as const) rates[key].push(now[key])
    }
    const ratios = (to: 'allCores' | 'oneCore') =>
      median(rates.gpu.map((rate, round) => rate / (rates[to][round] ?? 0)))
    rows.push({
      ...{ name: 'unmask-gpu', gpu: gpuName, laneBits, lanes, masks: seedCount, cores: availableParallelism() },
      lanesPerSecond: (median(rates.gpu) * 8) / laneBits,
      ...{ gpuGBps: median(rates.gpu) / 1e9, allCoresGBps: median(rates.allCores) / 1e9 },
      ...{ oneCoreGBps: median(rates.oneCore) / 1e9, toAllCores: ratios('allCores'), toOneCore: ratios('oneCore') },
    })
  }
  const rates = await measureRates(cpu, gpu)
  const auto = { name: 'unmask-gpu-auto', ...rates, breakEvenMBAt30Masks: breakEvenBytes(rates, 30) / 1e6 }
  gpu.close()
  await oneThread.close()
  const goals = rows.flatMap(({ laneBits, toAllCores, toOneCore }): readonly Goal[] => [
    { name: `${laneBits}-bit-to-all-cores`, value: toAllCores, floor: 8, target: 20, better: 'more', counts: true },
    { name: `${laneBits}-bit-to-one-core`, value: toOneCore, floor: 60, target: 150, better: 'more', counts: true },
  ])
  const machine = { name: 'machine', processor: cpus()[0]?.model ?? 'unknown', node: process.version }
  const told = [machine, ...rows, auto].map((row) => JSON.stringify(row))
  const judged = goals.map((goal) => (values.json ? JSON.stringify(goal) : goalLine(goal)))
  process.stdout.write(`${[...told, ...judged].join('\n')}\n`)
  process.exitCode = goals.some(({ value, floor }) => !(value >= floor)) ? 1 : 0
}

async function checkOnce(gpu: MaskEngine, cpu: MaskEngine, laneBits: 16 | 32): Promise<void> {
  const [got, want] = [sharedLanes(1003, laneBits), sharedLanes(1003, laneBits)]
  const seeds = someSeeds(5)
  await gpu.accumulate(got, seeds)
  await cpu.accumulate(want, seeds)
  const isSame = want.every((lane, place) => lane === got[place])
  invariant(isSame, `the GPU gives the lanes of ${laneBits} bits that the CPU gives`)
}

async function bytesPerSecond(engine: MaskEngine, laneBits: 16 | 32, seeds: number): Promise<number> {
  const [target, masks] = [sharedLanes(lanes, laneBits), someSeeds(seeds)]
  const from = performance.now()
  await engine.accumulate(target, masks)
  return (target.byteLength * seeds * 1000) / (performance.now() - from)
}

function someSeeds(count: number): readonly MaskSeed[] {
  return Array.from({ length: count }, (_, place) => ({ key: systemRng(32), sign: place % 2 === 0 ? 1 : -1 }))
}

function sharedLanes(length: number, laneBits: 16 | 32): Lanes {
  return sharedZeroLanes(length, laneBits)
}
