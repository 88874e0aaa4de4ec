/**
 * Run as a process: one masked input and nothing else, so that what the system counts is what it needs. Says on stdout, as
 * JSON, its peak memory and how late the event loop was.
 */
import { existsSync, readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { cpuMaskEngine } from '../shared/masks/cpu-engine.ts'
import { anUpdate, type InputSize, makeOne } from './participant-input.ts'

const [size, way] = process.argv.slice(2)
const wanted: InputSize = JSON.parse(size ?? '')
const whole = cpuMaskEngine()
// The other way is the one before: step by step over the whole vector.
const engine = way === 'tiles' ? whole : { accumulate: whole.accumulate }
const trained = anUpdate(wanted)
// Code and threads as a round finds them.
await makeOne({ ...wanted, lanes: 200_000 }, anUpdate({ ...wanted, lanes: 200_000 }), engine)
const delay = monitorEventLoopDelay({ resolution: 1 })
const [before, from] = [process.cpuUsage(), performance.now()]
delay.enable()
await makeOne(wanted, trained, engine)
delay.disable()
const { user, system } = process.cpuUsage(before)
const report = {
  peakBytes: peakBytes(),
  stallP999Ms: delay.percentile(99.9) / 1e6,
  cpuMs: (user + system) / 1000,
  wallMs: performance.now() - from,
}
process.stdout.write(JSON.stringify(report))

/** The system's own maximum begins, on Linux, with what the parent had when it started this process. */
function peakBytes(): number {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : ''
  const peakKiB = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
  return 1024 * (peakKiB === undefined ? process.resourceUsage().maxRSS : Number(peakKiB))
}
