/**
 * Run as a process: one sum, unmasked, and nothing else, so that what the system counts is what it needs. Says on stdout, as
 * JSON, its peak memory and how late the event loop was.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { cpuMaskEngine } from '../shared/masks/cpu-engine.ts'
import { type CoordinatorSize, sumAndUnmask, withPackedFile } from './coordinator-masks-work.ts'

const [sizeText = '', path = ''] = process.argv.slice(2)
const size: CoordinatorSize = JSON.parse(sizeText)
const engine = cpuMaskEngine()
// Code and threads as a later round finds them.
const small = { ...size, lanes: 200_000 }
await withPackedFile(small, (file) => sumAndUnmask({ size: small, path: file.path, engine }))
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
await sumAndUnmask({ size, path, engine })
delay.disable()
const report = {
  peakBytes: process.resourceUsage().maxRSS * 1024,
  stallP999Ms: delay.percentile(99.9) / 1e6,
}
process.stdout.write(JSON.stringify(report))
