/** Expanding masks and adding them to a vector: the engine in several settings, round by round beside the yardstick. */
import { randomBytes } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { invariant } from '../shared/errors.ts'
import { type CpuMaskOptions, cpuMaskEngine } from '../shared/masks/cpu-engine.ts'
import type { MaskEngine, MaskSeed } from '../shared/masks/mask-engine.ts'
import { MaskThreads } from '../shared/masks/mask-threads.ts'
import { plainMaskEngine } from '../shared/masks/plain-engine.ts'
import type { Lanes } from '../shared/vector/encoding.ts'
import type { Yardstick } from './calibration.ts'

export interface ExpandSize {
  readonly lanes: number
  readonly seeds: number
  readonly rounds: number
}

/** One setting over all rounds: medians. */
export interface ExpandRow {
  readonly name: string
  readonly engine: string
  readonly laneBits: 16 | 32
  readonly lanes: number
  readonly seeds: number
  readonly threads: number
  /** Lanes masked once, per second of the clock. */
  readonly lanesPerSecond: number
  readonly cpuMs: number
  readonly wallMs: number
  /** Keystream bytes per CPU second ÷ the yardstick's in the same round. */
  readonly ratioToOpenssl: number
}

export interface Expanded {
  readonly opensslBytesPerSecond: number
  readonly rows: readonly ExpandRow[]
  /** Medians of ratios within one round. */
  readonly twoThreadsToOne: number
  readonly narrowToWide: number
  /** How late the event loop was while two threads worked, 99.9 % of the time: the worst round, ms. */
  readonly stallP999Ms: number
}

/** So many accumulations make one measurement: some tenths of a second. */
const REPEATS = 4

interface Setting {
  readonly engine: string
  readonly options: CpuMaskOptions
  readonly laneBits: 16 | 32
  readonly threads: number
}

interface Sample {
  readonly cpuMs: number
  readonly wallMs: number
}

export async function measureExpand(size: ExpandSize, yardstick: Yardstick): Promise<Expanded> {
  const pools = [new MaskThreads({ count: 1 }), new MaskThreads({ count: 2 })] as const
  const settings: readonly Setting[] = [
    { engine: 'openssl+wasm', options: { threads: pools[0] }, laneBits: 32, threads: 1 },
    { engine: 'openssl+wasm', options: { threads: pools[0] }, laneBits: 16, threads: 1 },
    { engine: 'openssl+wasm', options: { threads: pools[1] }, laneBits: 32, threads: 2 },
    { engine: 'wasm', options: { threads: pools[0], source: 'tile' }, laneBits: 32, threads: 1 },
    { engine: 'plain', options: { threads: pools[0], arithmetic: 'plain' }, laneBits: 32, threads: 1 },
  ]
  const seeds = Array.from({ length: size.seeds }, (_, place): MaskSeed => {
    return { key: new Uint8Array(randomBytes(32)), sign: place % 2 === 0 ? 1 : -1 }
  })
  const targets = { 16: sharedLanes(size.lanes, 16), 32: sharedLanes(size.lanes, 32) }
  const samples = settings.map((): Sample[] => [])
  const openssl: number[] = []
  const stalls: number[] = []
  // The first round warms up code and threads, and checks what comes out.
  for (let round = -1; round < size.rounds; round += 1) {
    const rate = await yardstick.measure()
    for (const [place, { options, laneBits, threads }] of settings.entries()) {
      const [engine, target] = [cpuMaskEngine(options), targets[laneBits]]
      if (round < 0) {
        await checkOnce(engine, target, seeds)
        continue
      }
      const delay = monitorEventLoopDelay({ resolution: 1 })
      delay.enable()
      samples[place]?.push(await timed(() => accumulateRepeatedly(engine, target, seeds)))
      delay.disable()
      if (threads > 1) stalls.push(delay.percentile(99.9) / 1e6)
    }
    if (round >= 0) openssl.push(rate)
  }
  await Promise.all(pools.map((pool) => pool.close()))
  const rows = settings.map(({ engine, laneBits, threads }, place): ExpandRow => {
    const all = samples[place] ?? []
    const lanesMasked = size.lanes * size.seeds
    const bytesPerRound = (lanesMasked * REPEATS * laneBits) / 8
    return {
      ...{ name: 'masks-expand', engine, laneBits, lanes: size.lanes, seeds: size.seeds, threads },
      lanesPerSecond: (lanesMasked * REPEATS * 1000) / median(all.map(({ wallMs }) => wallMs)),
      cpuMs: median(all.map(({ cpuMs }) => cpuMs)) / REPEATS,
      wallMs: median(all.map(({ wallMs }) => wallMs)) / REPEATS,
      ratioToOpenssl: median(all.map(({ cpuMs }, round) => (bytesPerRound * 1000) / cpuMs / (openssl[round] ?? 0))),
    }
  })
  const paired = (one: number, other: number, of: 'cpuMs' | 'wallMs') =>
    median((samples[one] ?? []).map((sample, round) => sample[of] / (samples[other]?.[round]?.[of] ?? 0)))
  return {
    opensslBytesPerSecond: median(openssl),
    rows,
    twoThreadsToOne: paired(0, 2, 'wallMs'),
    narrowToWide: paired(0, 1, 'cpuMs'),
    stallP999Ms: Math.max(...stalls),
  }
}

/** Some lanes of the result against the plain engine, which makes them by themselves. */
async function checkOnce(engine: MaskEngine, target: Lanes, seeds: readonly MaskSeed[]): Promise<void> {
  target.fill(0)
  await engine.accumulate(target, seeds)
  for (const firstLane of [0, target.length >> 1, target.length - 1000]) {
    const want = target.slice(firstLane, firstLane + 1000).fill(0)
    await plainMaskEngine().accumulate(want, seeds, { firstLane })
    const isSame = want.every((lane, place) => lane === target[firstLane + place])
    invariant(isSame, `the engine gives other lanes than the plain one from lane ${firstLane} on`)
  }
}

async function accumulateRepeatedly(engine: MaskEngine, target: Lanes, seeds: readonly MaskSeed[]): Promise<void> {
  for (let repeat = 0; repeat < REPEATS; repeat += 1) await engine.accumulate(target, seeds)
}

async function timed(work: () => Promise<void>): Promise<Sample> {
  const [cpu, wall] = [process.cpuUsage(), performance.now()]
  await work()
  const { user, system } = process.cpuUsage(cpu)
  return { cpuMs: (user + system) / 1000, wallMs: performance.now() - wall }
}

function sharedLanes(lengthLanes: number, laneBits: 16 | 32): Lanes {
  const memory = new SharedArrayBuffer((lengthLanes * laneBits) / 8)
  return laneBits === 16 ? new Uint16Array(memory) : new Uint32Array(memory)
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}
