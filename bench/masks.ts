/**
 * `npm run bench -- masks`: how near to the machine's limit masks are expanded and added. Options: --lanes, --seeds, --rounds,
 * --json (one object per line). Ends with status 1 when a floor is missed that this machine could have shown.
 */
import { availableParallelism, cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { invariant } from '../shared/errors.ts'
import { hasKernels } from '../shared/masks/kernels.ts'
import { findYardstick } from './calibration.ts'
import { measureExpand } from './masks-expand.ts'
import { measureLanes } from './masks-lanes.ts'
import { type Goal, masksText } from './masks-report.ts'

const { values } = parseArgs({
  options: {
    lanes: { type: 'string', default: '1000000' },
    seeds: { type: 'string', default: '30' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
})

function wholeNumber(name: 'lanes' | 'seeds' | 'rounds', least: number): number {
  const value = Number(values[name])
  invariant(Number.isSafeInteger(value) && value >= least, `--${name} is at least ${least}, not ${values[name]}`)
  return value
}

const size = { lanes: wholeNumber('lanes', 1000), seeds: wholeNumber('seeds', 1), rounds: wholeNumber('rounds', 1) }
invariant(hasKernels(), 'this runtime has no WebAssembly SIMD: there is nothing to measure but the plain engine')
const [loadBefore = 0] = loadavg()
const yardstick = await findYardstick()
const expanded = await measureExpand(size, yardstick)
const lanes = measureLanes(size.rounds)

const machine = {
  name: 'machine',
  processor: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  node: process.version,
  openssl: process.versions.openssl,
  loadBefore,
  calibration: yardstick.by,
  opensslChacha20GBps: yardstick.by === 'openssl speed' ? expanded.opensslBytesPerSecond / 1e9 : 'absent',
  calibrationGBps: expanded.opensslBytesPerSecond / 1e9,
}
const oneThread = expanded.rows[0]?.ratioToOpenssl ?? Number.NaN
const nsPerLane = (name: string) => Math.max(...lanes.filter((row) => row.name === name).map((row) => row.nsPerLane))
/** With other work about, a second thread has no second core, and the event loop waits its turn. */
const isIdle = machine.cores >= 2 && loadBefore < 0.3 * machine.cores
const goals: readonly Goal[] = [
  { name: 'expand-add-to-openssl', value: oneThread, floor: 0.33, target: 0.45, better: 'more', counts: true },
  {
    name: 'two-threads-to-one',
    value: expanded.twoThreadsToOne,
    floor: 1.6,
    target: 1.8,
    better: 'more',
    counts: isIdle,
  },
  { name: '16-bit-to-32-bit', value: expanded.narrowToWide, floor: 1.7, target: 1.9, better: 'more', counts: true },
  {
    name: 'quantise-ns-per-lane',
    value: nsPerLane('masks-quantise'),
    floor: 6,
    target: 4,
    better: 'less',
    counts: true,
  },
  {
    name: 'unpack-add-ns-per-lane',
    value: nsPerLane('masks-unpack-add'),
    floor: 1.5,
    target: 0.8,
    better: 'less',
    counts: true,
  },
  { name: 'event-loop-stall-ms', value: expanded.stallP999Ms, floor: 50, target: 20, better: 'less', counts: isIdle },
]
const rows = [...expanded.rows, ...lanes]
if (values.json) {
  for (const line of [machine, ...rows, ...goals]) process.stdout.write(`${JSON.stringify(line)}\n`)
} else {
  process.stdout.write(masksText({ machine, rows, goals }))
}
const isMissed = ({ value, floor, better, counts }: Goal) =>
  counts && !(better === 'more' ? value >= floor : value <= floor)
process.exitCode = goals.some(isMissed) ? 1 : 0
