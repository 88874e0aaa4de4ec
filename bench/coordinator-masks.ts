/**
 * `npm run bench -- coordinator`: masked inputs summed and masks taken off, beside the bare expanding and adding of as many
 * masks. Options: --lanes, --participants, --neighbours, --dropouts, --rounds, --plot FILE, --json (one object per line). Ends
 * with status 1 when a floor is missed that this machine could have shown.
 */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { invariant } from '../shared/errors.ts'
import { cpuMaskEngine } from '../shared/masks/cpu-engine.ts'
import { hasKernels } from '../shared/masks/kernels.ts'
import { sharedZeroLanes } from '../shared/vector/encoding.ts'
import { measureByDropouts, plotOf } from './coordinator-masks-plot.ts'
import {
  type CoordinatorSize,
  cpuMsOf,
  digestCpuMs,
  layoutFor,
  masksToTakeOff,
  type PackedFile,
  sumAndUnmask,
  withPackedFile,
} from './coordinator-masks-work.ts'
import { median } from './masks-expand.ts'
import { type Goal, goalLine } from './masks-report.ts'

const { values } = parseArgs({
  options: {
    lanes: { type: 'string', default: '10000000' },
    participants: { type: 'string', default: '100' },
    neighbours: { type: 'string', default: '30' },
    dropouts: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    plot: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})

function wholeNumber(name: 'lanes' | 'participants' | 'neighbours' | 'dropouts' | 'rounds', least: number): number {
  const value = Number(values[name])
  invariant(Number.isSafeInteger(value) && value >= least, `--${name} is at least ${least}, not ${values[name]}`)
  return value
}

const cohort = {
  participants: wholeNumber('participants', 2),
  neighbours: wholeNumber('neighbours', 1),
  dropouts: wholeNumber('dropouts', 0),
  lanes: wholeNumber('lanes', 1000),
}
const rounds = wholeNumber('rounds', 1)
invariant(cohort.dropouts < cohort.participants, 'somebody survives')
invariant(hasKernels(), 'this runtime has no WebAssembly SIMD: there is nothing to measure but plain code')
const engine = cpuMaskEngine()
const WARM_LANES = 200_000

interface Sample {
  readonly foldCpuMs: number
  readonly unmaskCpuMs: number
  readonly cpuMs: number
  readonly wallMs: number
  readonly bareMsPerMask: number
  readonly digestMs: number
  readonly ratio: number
  readonly ratioWithDigests: number
}

/** One after the other: the yardstick on both sides of each measurement. */
async function measure(size: CoordinatorSize, file: PackedFile) {
  const { lengthLanes, laneWidth, modulusBits } = layoutFor(size)
  const masks = masksToTakeOff(size)
  const survivors = size.participants - size.dropouts
  const bareMasks = masks.slice(0, size.neighbours)
  const target = sharedZeroLanes(lengthLanes, modulusBits)
  const bare = () => cpuMsOf(() => engine.accumulate(target, bareMasks))
  // Starts the threads and warms the code up.
  const small = { ...size, lanes: Math.min(size.lanes, WARM_LANES) }
  await withPackedFile(small, ({ path }) => sumAndUnmask({ size: small, path, engine }))
  await bare()
  const samples: Sample[] = []
  let before = await bare()
  for (let round = 0; round < rounds; round += 1) {
    const packed = round === 0 ? { packed: file.packed } : {}
    const { foldCpuMs, unmaskCpuMs, wallMs } = await sumAndUnmask({ size, path: file.path, engine, ...packed })
    const digestMs = await digestCpuMs(file.path)
    const after = await bare()
    const bareMsPerMask = (before + after) / 2 / bareMasks.length
    before = after
    const cpuMs = foldCpuMs + unmaskCpuMs
    const least = bareMsPerMask * masks.length
    const ratios = { ratio: cpuMs / least, ratioWithDigests: (cpuMs + digestMs * survivors) / least }
    samples.push({ foldCpuMs, unmaskCpuMs, cpuMs, wallMs, bareMsPerMask, digestMs, ...ratios })
  }
  const mid = (name: keyof Sample) => median(samples.map((sample) => sample[name]))
  const alone = await inChild(size, file)
  return {
    ...{ name: 'coordinator', n: size.participants, k: size.neighbours, dropouts: size.dropouts, lanes: size.lanes },
    ...{ modulusBits, laneBits: laneWidth, masks: masks.length, rounds },
    lanesPerSecond: (lengthLanes * masks.length * 1000) / mid('wallMs'),
    ...{ cpuMs: mid('cpuMs'), foldCpuMs: mid('foldCpuMs'), unmaskCpuMs: mid('unmaskCpuMs'), wallMs: mid('wallMs') },
    ...{ ratio: mid('ratio'), ratioWithDigests: mid('ratioWithDigests') },
    expandAddGBps: target.byteLength / 1e6 / mid('bareMsPerMask'),
    unpackAddNsPerLane: (mid('foldCpuMs') * 1e6) / (lengthLanes * survivors),
    digestNsPerLane: (mid('digestMs') * 1e6) / lengthLanes,
    stallP999Ms: alone.stallP999Ms,
    peakMB: alone.peakBytes / 1e6,
    peakLimitMB: (3 * 4 * size.lanes) / 1e6 + 200,
  }
}

async function inChild(size: CoordinatorSize, { path }: PackedFile) {
  const program = fileURLToPath(new URL('./coordinator-masks-child.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(size), path])
  return JSON.parse(stdout) as { readonly peakBytes: number; readonly stallP999Ms: number }
}

const [loadBefore = 0] = loadavg()
const cores = availableParallelism()
const rows = []
for (const modulusBits of [23, 16] as const) {
  const size = { ...cohort, modulusBits }
  rows.push(await withPackedFile(size, (file) => measure(size, file)))
}
const byDropouts = values.plot === undefined ? [] : await measureByDropouts(cohort)
const machine = {
  ...{ name: 'machine', processor: cpus()[0]?.model ?? 'unknown', cores, node: process.version, loadBefore },
  maskedInputs: 'one, folded once for every survivor',
}
if (values.plot !== undefined) await writeFile(values.plot, plotOf(byDropouts, machine.processor))
/** With other work about, the event loop waits its turn. */
const isIdle = cores >= 2 && loadBefore < 0.3 * cores
const goals = rows.flatMap((row): readonly Goal[] => {
  const less = { better: 'less', counts: true } as const
  const of = `m=${row.modulusBits}`
  return [
    { name: `${of}-to-expand-add`, value: row.ratio, floor: 1.3, target: 1.15, ...less },
    { name: `${of}-unpack-add-ns`, value: row.unpackAddNsPerLane, floor: 1.5, target: 0.8, ...less },
    { name: `${of}-event-loop-ms`, value: row.stallP999Ms, floor: 50, target: 20, better: 'less', counts: isIdle },
    { name: `${of}-peak-MB`, value: row.peakMB, floor: row.peakLimitMB, target: row.peakLimitMB, ...less },
  ]
})
if (values.json) {
  for (const line of [machine, ...rows, ...byDropouts, ...goals]) process.stdout.write(`${JSON.stringify(line)}\n`)
} else {
  const text = [machine, ...rows].map((row) => JSON.stringify(row, null, 2))
  process.stdout.write(
    `${[...text, ...byDropouts.map((row) => JSON.stringify(row)), ...goals.map(goalLine), ''].join('\n')}`,
  )
}
process.exitCode = goals.some(({ counts, value, floor }) => counts && !(value <= floor)) ? 1 : 0
