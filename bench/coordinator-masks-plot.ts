/** CPU of sum and unmasking against the number of dropouts: both widths, and the way before the mask engine. */
import { cpuMaskEngine } from '../shared/masks/cpu-engine.ts'
import { plainMaskEngine } from '../shared/masks/plain-engine.ts'
import { linePlot } from '../shared/plot/line-plot.ts'
import { addPackedLanes } from '../shared/vector/packing.ts'
import {
  type CoordinatorSize,
  layoutFor,
  masksToTakeOff,
  sumAndUnmask,
  withPackedFile,
} from './coordinator-masks-work.ts'
import { median } from './masks-expand.ts'

/** One point of a line. */
export interface DropoutsRow {
  readonly name: 'coordinator-by-dropouts'
  readonly way: 'engine' | 'before'
  readonly n: number
  readonly k: number
  readonly dropouts: number
  readonly lanes: number
  readonly laneBits: 16 | 32
  readonly masks: number
  readonly cpuMs: number
  readonly lanesPerSecond: number
}

const SHARES = [0, 0.05, 0.1, 0.2, 0.3]
const MOST_LANES = 500_000
const REPEATS = 3

/** Each point the median of three. Larger vectors are measured at half a million lanes: the lines would be the same. */
export async function measureByDropouts(cohort: Omit<CoordinatorSize, 'modulusBits'>): Promise<readonly DropoutsRow[]> {
  const engine = cpuMaskEngine()
  const rows: DropoutsRow[] = []
  for (const modulusBits of [23, 16] as const) {
    for (const share of SHARES) {
      const dropouts = Math.round(share * cohort.participants)
      const size: CoordinatorSize = { ...cohort, dropouts, modulusBits, lanes: Math.min(cohort.lanes, MOST_LANES) }
      await withPackedFile(size, async ({ path }) => {
        rows.push(rowOf(size, 'engine', await medianCpuMs({ size, path, engine })))
        if (modulusBits === 16) return
        const plain = { size, path, engine: plainMaskEngine(), addLanes: addPackedLanes }
        rows.push(rowOf(size, 'before', await medianCpuMs(plain)))
      })
    }
  }
  return rows
}

export function plotOf(rows: readonly DropoutsRow[], processor: string): string {
  const [{ n, k, lanes } = { n: 0, k: 0, lanes: 0 }] = rows
  const points = (way: DropoutsRow['way'], laneBits: 16 | 32) =>
    rows
      .filter((row) => row.way === way && row.laneBits === laneBits)
      .map(({ dropouts, cpuMs }) => ({ x: dropouts, y: cpuMs }))
  return linePlot({
    title: 'What dropouts cost the coordinator: CPU of the sum and of taking the masks off',
    note: `n = ${n}, k = ${k}, ${lanes.toLocaleString('en-US')} lanes; CPU time of all threads on ${processor}`,
    x: { label: 'participants that fell silent after dealing', scale: 'linear', unit: 'count' },
    y: { label: 'CPU time', scale: 'linear', unit: 'ms' },
    series: [
      { name: 'plain code, 32-bit lanes', points: points('before', 32) },
      { name: 'mask engine, 32-bit lanes', points: points('engine', 32) },
      { name: 'mask engine, 16-bit lanes', points: points('engine', 16) },
    ],
  })
}

async function medianCpuMs(work: Parameters<typeof sumAndUnmask>[0]): Promise<number> {
  const values: number[] = []
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    const { foldCpuMs, unmaskCpuMs } = await sumAndUnmask(work)
    values.push(foldCpuMs + unmaskCpuMs)
  }
  return median(values)
}

function rowOf(size: CoordinatorSize, way: DropoutsRow['way'], cpuMs: number): DropoutsRow {
  const { participants, neighbours, dropouts, lanes } = size
  const masks = masksToTakeOff(size).length
  const laneBits = layoutFor(size).laneWidth
  const shape = { n: participants, k: neighbours, dropouts, lanes, laneBits, masks }
  return { name: 'coordinator-by-dropouts', way, ...shape, cpuMs, lanesPerSecond: (lanes * masks * 1000) / cpuMs }
}
