/**
 * From the first signal to the end of the process. The first SIGTERM or SIGINT asks for a stop; a second ends the process at
 * once; and when the stop has taken its time the process ends all the same, for whoever started it will not wait longer.
 * What is cut either way is recoverable: the store has every acknowledged change.
 */
import type { Log } from '../../shared/runtime/log.ts'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const
/** Left of the time for whatever comes after the coordinator in this process. */
const MARGIN_MS = 250

/** Exit code of a process that a second signal has ended. */
const CUT_SHORT = 1

/** Resolves at the first signal. From then on a second one, or the end of `withinMs`, ends the process. */
export function firstStopSignal(withinMs: number, log: Log): Promise<void> {
  return new Promise((resolve) => {
    let isAsked = false
    // One listener for good: a signal that came while listeners are changed would be lost.
    const heard = (signal: NodeJS.Signals) => {
      if (isAsked) {
        log.warn({ signal }, 'ended at once: what was under way is taken up at the next start')
        process.exit(CUT_SHORT)
      }
      isAsked = true
      log.info({ signal, withinMs }, 'stopping')
      // Not held alive by this timer; something that does not end by itself is what it is for.
      setTimeout(() => endLate(withinMs, log), Math.max(0, withinMs - MARGIN_MS)).unref()
      resolve()
    }
    for (const signal of SIGNALS) process.on(signal, heard)
  })
}

function endLate(withinMs: number, log: Log): never {
  log.warn({ withinMs }, 'stopping took too long: what was under way is taken up at the next start')
  process.exit(0)
}
