/** How the time for a shutdown is divided: rounds first, then the calls of each listener; the rest is for the files. */

export interface ShutdownTimes {
  /** For sessions, or for what they write last. */
  readonly roundsMs: number
  /** For calls under way, once for each of the two listeners. */
  readonly callsMs: number
}

const ROUNDS_PART = 0.5
const CALLS_PART = 0.2

export function shutdownTimes(config: {
  readonly shutdownSeconds: number
  readonly limits: { readonly drainMs: number }
}): ShutdownTimes {
  const allMs = config.shutdownSeconds * 1000
  return { roundsMs: Math.min(config.limits.drainMs, ROUNDS_PART * allMs), callsMs: CALLS_PART * allMs }
}
