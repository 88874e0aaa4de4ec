/**
 * `npm run bench -- masks-before`: what the mask engine replaced beside what runs now, step by step, in one run: plain code on
 * one thread, the fastest plain code we know where that is another, and the engine. Options: --lanes, --rounds, --json (one
 * object per line). CPU time, medians over rounds in which all ways alternate.
 */
import { parseArgs } from 'node:util'
import { invariant } from '../shared/errors.ts'
import { cpuMaskEngine } from '../shared/masks/cpu-engine.ts'
import type { MaskEngine, MaskSeed } from '../shared/masks/mask-engine.ts'
import { MaskThreads } from '../shared/masks/mask-threads.ts'
import { plainMaskEngine } from '../shared/masks/plain-engine.ts'
import { unpackAdd } from '../shared/masks/unpack-add.ts'
import { systemRng } from '../shared/random.ts'
import { sharedZeroLanes } from '../shared/vector/encoding.ts'
import { type AddPackedLanes, addPackedLanes, packedLength } from '../shared/vector/packing.ts'
import { prepareUpdate, quantizeRange } from '../shared/vector/quantize.ts'
import { checkPlainUnpackAdd, plainUnpackAdd } from './baselines/plain-unpack-add.ts'
import { cpuMsOf } from './coordinator-masks-work.ts'
import { median } from './masks-expand.ts'
import { measureLanes } from './masks-lanes.ts'

const { values } = parseArgs({
  options: {
    lanes: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
})
/** In whole groups of eight, so that packed bytes end with a lane. */
const lanes = Math.ceil(Number(values.lanes) / 8) * 8
const rounds = Number(values.rounds)
invariant(lanes >= 1000 && rounds >= 1, '--lanes is at least 1000, --rounds at least 1')
const MASKS = 30
const REPEATS = 8

type Way = 'before' | 'plain' | 'now'

interface Step {
  readonly step: string
  readonly laneBits: 16 | 32
  /** Lanes that one call goes over. */
  readonly lanes: number
  readonly ways: Readonly<Partial<Record<Way, () => unknown>>>
}

const SETTINGS = [
  { laneBits: 32, inputBits: 16, modulusBits: 23 },
  { laneBits: 16, inputBits: 9, modulusBits: 16 },
] as const

checkPlainUnpackAdd()
const oneThread = new MaskThreads({ count: 1 })
const rows = []
for (const setting of SETTINGS) {
  const { laneBits } = setting
  for (const step of [expanding(laneBits), quantising(setting), unpacking(setting)]) {
    const found = await measure(step)
    const kernel = measureLanes(1).find((row) => row.name === 'masks-quantise' && row.laneBits === laneBits)
    const nowNsPerLane = step.step === 'quantise' ? (kernel?.nsPerLane ?? Number.NaN) : (found.now ?? Number.NaN)
    const { before: beforeNsPerLane = Number.NaN, plain: plainNsPerLane } = found
    rows.push({
      ...{ name: 'masks-before', step: step.step, laneBits, lanes: step.lanes, beforeNsPerLane },
      ...(plainNsPerLane === undefined ? {} : { plainNsPerLane }),
      ...{ nowNsPerLane, timesAsFast: beforeNsPerLane / nowNsPerLane },
      ...{ lanesPerSecond: 1e9 / nowNsPerLane, cpuMs: (nowNsPerLane * step.lanes) / 1e6 },
    })
  }
}
await oneThread.close()
for (const row of rows) {
  const { step, laneBits, beforeNsPerLane, nowNsPerLane, timesAsFast } = row
  const text = `${step.padEnd(12)}${laneBits} bits  ${beforeNsPerLane.toFixed(2)} → ${nowNsPerLane.toFixed(2)} ns per lane`
  process.stdout.write(values.json ? `${JSON.stringify(row)}\n` : `${text}, ${timesAsFast.toFixed(1)} times as fast\n`)
}

/** Nanoseconds of CPU per lane, by way. */
async function measure({ ways, lanes: count }: Step): Promise<Partial<Record<Way, number>>> {
  const entries = Object.entries(ways) as [Way, () => unknown][]
  const spent = new Map<Way, number[]>(entries.map(([way]) => [way, []]))
  // The first round warms up.
  for (let round = -1; round < rounds; round += 1) {
    for (const [way, work] of entries) {
      const ms = await cpuMsOf(async () => work())
      if (round >= 0) spent.get(way)?.push((ms * 1e6) / count)
    }
  }
  return Object.fromEntries([...spent].map(([way, values]) => [way, median(values)]))
}

/** Lanes count once per mask. */
function expanding(laneBits: 16 | 32): Step {
  const target = sharedZeroLanes(lanes, laneBits)
  const seeds = Array.from({ length: MASKS }, (): MaskSeed => ({ key: systemRng(32), sign: 1 }))
  const by = (engine: MaskEngine) => () => engine.accumulate(target, seeds)
  const ways = { before: by(plainMaskEngine()), now: by(cpuMaskEngine({ threads: oneThread })) }
  return { step: 'expand-add', laneBits, lanes: lanes * MASKS, ways }
}

/** What runs now is measured by the kernel's own benchmark, checked against this. */
function quantising({ laneBits, inputBits, modulusBits }: (typeof SETTINGS)[number]): Step {
  const update = Float32Array.from({ length: lanes }, (_, place) => Math.sin(place) * 1.5)
  const encoding = {
    ...{ parameterCount: lanes, scalars: [{ name: 'examples', fractionBits: 0 }], inputBits, modulusBits },
    ...{ laneRange: 1, clipNorm: 100, minWeight: 1, maxWeight: 1000, maxParticipants: 100 },
  }
  const outcome = prepareUpdate({ update, weight: 600, scalars: {}, encoding, roundingSeed: systemRng(32) })
  invariant(outcome.ok, 'the update can be quantised')
  return { step: 'quantise', laneBits, lanes, ways: { before: () => quantizeRange(outcome.prepared, 0, lanes) } }
}

function unpacking({ laneBits, modulusBits }: (typeof SETTINGS)[number]): Step {
  const packed = systemRng(packedLength(lanes, modulusBits))
  const target = sharedZeroLanes(lanes, modulusBits)
  const by = (add: AddPackedLanes) => () => {
    for (let repeat = 0; repeat < REPEATS; repeat += 1) add(target, packed, modulusBits)
  }
  const ways = { before: by(addPackedLanes), plain: by(plainUnpackAdd), now: by(unpackAdd) }
  return { step: 'unpack-add', laneBits, lanes: lanes * REPEATS, ways }
}
