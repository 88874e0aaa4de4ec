/**
 * Draws a round's cohort: so many of those who could take part, every choice equally likely. Pure; the randomness is
 * passed in.
 */
import { invariant } from '../../shared/errors.ts'
import { compareIds } from '../../shared/protocol/roster.ts'
import type { Rng } from '../../shared/random.ts'

/** `size` of `eligible` (all of them when there are fewer), sorted by SPIFFE ID. */
export function selectCohort(eligible: readonly string[], size: number, rng: Rng): readonly string[] {
  const drawn = [...eligible].sort(compareIds)
  const wanted = Math.min(size, drawn.length)
  // Fisher–Yates from the front, as far as needed.
  for (let place = 0; place < wanted; place += 1) {
    const other = place + below(drawn.length - place, rng)
    const moved = drawn[place]!
    drawn[place] = drawn[other]!
    drawn[other] = moved
  }
  return drawn.slice(0, wanted).sort(compareIds)
}

/** Uniform in 0 … bound − 1, by rejection: no remainder favours small numbers. */
function below(bound: number, rng: Rng): number {
  invariant(bound > 0 && bound <= 0x1_0000_0000, 'a bound of 1 to 2^32')
  const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound)
  for (;;) {
    const bytes = rng(4)
    const word = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0)
    if (word < limit) return word % bound
  }
}
