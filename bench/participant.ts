/**
 * `npm run bench -- participant`: stage 2 of one participant, from the float update to packed and digested bytes, beside the
 * bare expanding and adding of its masks. Options: --lanes, --neighbours, --rounds, --json (one object per line). Ends with
 * status 1 when a floor is missed that this machine could have shown.
 */
import { execFile } from 'node:child_process'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { invariant } from '../shared/errors.ts'
import { cpuMaskEngine } from '../shared/masks/cpu-engine.ts'
import { hasKernels } from '../shared/masks/kernels.ts'
import { vectorLayout } from '../shared/vector/encoding.ts'
import { median } from './masks-expand.ts'
import { measureLanes } from './masks-lanes.ts'
import { type Goal, goalLine } from './masks-report.ts'
import { anUpdate, encodingFor, type InputSize, makeOne, masksFor } from './participant-input.ts'

const { values } = parseArgs({
  options: {
    lanes: { type: 'string', default: '10000000' },
    neighbours: { type: 'string', default: '30' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
})
const [lanes, neighbours, rounds] = [values.lanes, values.neighbours, values.rounds].map(Number) as [
  number,
  number,
  number,
]
invariant(lanes >= 1000 && neighbours >= 1 && rounds >= 1, '--lanes, --neighbours and --rounds are whole numbers')
invariant(hasKernels(), 'this runtime has no WebAssembly SIMD: inputs are made step by step')

interface Child {
  readonly peakBytes: number
  readonly stallP999Ms: number
  readonly cpuMs: number
  readonly wallMs: number
}

async function inChild(size: InputSize, way: 'tiles' | 'steps'): Promise<Child> {
  const program = fileURLToPath(new URL('./participant-child.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(size), way])
  return JSON.parse(stdout)
}

async function cpuMsOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

async function measure(inputBits: 9 | 16) {
  const size: InputSize = { lanes, neighbours, inputBits }
  const { laneWidth, modulusBits, lengthLanes } = vectorLayout(encodingFor(size))
  const engine = cpuMaskEngine()
  const trained = anUpdate(size)
  const memory = new SharedArrayBuffer((lengthLanes * laneWidth) / 8)
  const target = laneWidth === 16 ? new Uint16Array(memory) : new Uint32Array(memory)
  const [whole, bare]: [number[], number[]] = [[], []]
  // The first round warms up code and threads.
  for (let round = -1; round < rounds; round += 1) {
    const bareMs = await cpuMsOf(() => engine.accumulate(target, masksFor(size)))
    const wholeMs = await cpuMsOf(() => makeOne(size, trained, engine))
    if (round < 0) continue
    bare.push(bareMs)
    whole.push(wholeMs)
  }
  const [tiles, steps] = [await inChild(size, 'tiles'), await inChild(size, 'steps')]
  const keystreamBytes = target.byteLength * (neighbours + 1)
  const cpuMs = median(whole)
  return {
    ...{ name: 'participant', n: 100, k: neighbours, lanes, inputBits, modulusBits, laneBits: laneWidth, cpuMs },
    lanesPerSecond: (lanes * 1000) / cpuMs,
    expandAddCpuMs: median(bare),
    expandAddGBps: keystreamBytes / 1e6 / median(bare),
    ratioToExpandAdd: median(whole.map((ms, round) => ms / (bare[round] ?? Number.NaN))),
    ...{ wallMs: tiles.wallMs, stallP999Ms: tiles.stallP999Ms },
    peakMB: tiles.peakBytes / 1e6,
    peakLimitMB: (lanes * 4 * 2.2) / 1e6 + 150,
    stepByStep: { cpuMs: steps.cpuMs, wallMs: steps.wallMs, peakMB: steps.peakBytes / 1e6 },
  }
}

const [loadBefore = 0] = loadavg()
const cores = availableParallelism()
const rows = [await measure(16), await measure(9)]
const quantise = measureLanes(rounds).filter(({ name }) => name === 'masks-quantise')
const machine = {
  ...{ name: 'machine', processor: cpus()[0]?.model ?? 'unknown', cores, node: process.version, loadBefore },
}
/** With other work about, the event loop waits its turn. */
const isIdle = cores >= 2 && loadBefore < 0.3 * cores
const goals: readonly Goal[] = [
  ...rows.flatMap((row): Goal[] => [
    {
      name: `b=${row.inputBits}-to-expand-add`,
      value: row.ratioToExpandAdd,
      ...{ floor: 1.4, target: 1.2, better: 'less', counts: true },
    },
    {
      name: `b=${row.inputBits}-peak-MB`,
      value: row.peakMB,
      ...{ floor: row.peakLimitMB, target: row.peakLimitMB, better: 'less', counts: true },
    },
    {
      name: `b=${row.inputBits}-event-loop-ms`,
      value: row.stallP999Ms,
      ...{ floor: 50, target: 20, better: 'less', counts: isIdle },
    },
  ]),
  ...quantise.map(({ laneBits, nsPerLane }): Goal => {
    return {
      name: `quantise-${laneBits}-ns-per-lane`,
      value: nsPerLane,
      floor: 6,
      target: 4,
      better: 'less',
      counts: true,
    }
  }),
]
if (values.json) {
  for (const line of [machine, ...rows, ...quantise, ...goals]) process.stdout.write(`${JSON.stringify(line)}\n`)
} else {
  const text = rows.map((row) => JSON.stringify(row, null, 2))
  process.stdout.write(`${[JSON.stringify(machine, null, 2), ...text, ...goals.map(goalLine), ''].join('\n')}`)
}
process.exitCode = goals.some(({ counts, value, floor }) => counts && !(value <= floor)) ? 1 : 0
