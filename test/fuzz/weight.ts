/**
 * What decoded messages weigh in memory. Typed arrays of the heap, objects and array buffers together, with the collector
 * run before and after; for messages that are decoded in numbers, because one alone drowns in the noise.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
// Safety: with the flag set, a new context has the collector as a global.
const collect = runInNewContext('gc') as () => void

/** Twice: what one collection finds dead, the next has swept. */
function inUse(): number {
  collect()
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Bytes that what `make` returns takes, all of it kept alive until it is weighed. */
export function weightOf(make: () => unknown): number {
  const before = inUse()
  const kept = make()
  const after = inUse()
  // Whatever `kept` is, it is still reachable here.
  return kept === undefined ? 0 : after - before
}
