/** How long to wait before trying again: doubling, with jitter, so that many agents do not come back all at once. */

const FIRST_MS = 250
const MOST_MS = 10_000

/** Milliseconds after so many failures in a row (0 for the first): half to all of 250 ms · 2^failures, at most 10 s. */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  const whole = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(failures, 20))
  return Math.round(whole * (0.5 + random() / 2))
}
