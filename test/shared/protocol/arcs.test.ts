/**
 * The combinatorial heart of the sparse malicious rule, without any cryptography: under one list of survivors the honest ones hang
 * together, unless two stretches of k/2 places each hold more than c/2 colluders. Every ring is walked through where that is
 * possible; for larger ones random placements are put to the best cut there is, and its frequency to the bound.
 */
import { describe, expect, test } from 'vitest'
import { log2Tail } from './log-tails.ts'

interface Ring {
  readonly n: number
  readonly k: number
  readonly c: number
}

const thresholdOf = ({ k, c }: Ring) => Math.floor((k + 1 + c) / 2) + 2
/** Colluders that an end of an arc has to lean on: t − 1 − k/2, at least c/2 + 1. */
const leanOf = (ring: Ring) => thresholdOf(ring) - 1 - ring.k / 2

const ones = (bits: number) => {
  let count = 0
  for (let left = bits; left !== 0; left &= left - 1) count += 1
  return count
}

/** H(u) as a bit mask, for every place. */
function holderMasks({ n, k }: Ring): number[] {
  return Array.from({ length: n }, (_, place) => {
    let mask = 0
    for (let away = -k / 2; away <= k / 2; away += 1) mask |= 1 << ((place + away + n) % n)
    return mask
  })
}

/** Whether some list of survivors passes every honest survivor's check and yet falls apart into separate sums. */
function someCutPasses(ring: Ring, corrupt: number, masks: readonly number[]): boolean {
  const { n } = ring
  const all = (1 << n) - 1
  const honest = all & ~corrupt
  const t = thresholdOf(ring)
  for (let chosen = honest; chosen !== 0; chosen = (chosen - 1) & honest) {
    // Colluders count as survivors: that only helps.
    const survivors = chosen | corrupt
    let passes = true
    for (let place = 0; place < n && passes; place += 1) {
      if ((chosen >> place) & 1) passes = ones((masks[place] ?? 0) & survivors) >= t
    }
    if (passes && fallsApart(chosen, masks, n)) return true
  }
  return false
}

function fallsApart(chosen: number, masks: readonly number[], n: number): boolean {
  let reached = chosen & -chosen
  for (;;) {
    let next = reached
    for (let place = 0; place < n; place += 1) if ((reached >> place) & 1) next |= (masks[place] ?? 0) & chosen
    if (next === reached) return reached !== chosen
    reached = next
  }
}

/** Two stretches of k/2 places without a place in common, each with enough colluders to lean on. */
function twoStretchesLean({ n, k, ...ring }: Ring, corrupt: readonly boolean[]): boolean {
  const half = k / 2
  const lean = leanOf({ n, k, ...ring })
  const leaning: number[] = []
  for (let start = 0; start < n; start += 1) {
    let hits = 0
    for (let step = 0; step < half; step += 1) if (corrupt[(start + step) % n]) hits += 1
    if (hits >= lean) leaning.push(start)
  }
  return leaning.some((a) => leaning.some((b) => (b - a + n) % n >= half && (a - b + n) % n >= half))
}

describe('every placement of colluders on a small ring', () => {
  for (const ring of [
    { n: 10, k: 4, c: 0 },
    { n: 11, k: 4, c: 0 },
    { n: 12, k: 4, c: 0 },
    { n: 12, k: 4, c: 1 },
    { n: 12, k: 6, c: 0 },
    { n: 13, k: 6, c: 2 },
  ]) {
    test(`n = ${ring.n}, k = ${ring.k}, c = ${ring.c}`, () => {
      const masks = holderMasks(ring)
      let [cuts, placements] = [0, 0]
      // The first place is honest: turning the ring changes nothing.
      for (let corrupt = 0; corrupt < 1 << ring.n; corrupt += 2) {
        if (ones(corrupt) > 6) continue
        placements += 1
        const spread = Array.from({ length: ring.n }, (_, place) => ((corrupt >> place) & 1) === 1)
        const isCut = someCutPasses(ring, corrupt, masks)
        if (isCut) {
          cuts += 1
          expect(twoStretchesLean(ring, spread), `colluders ${corrupt.toString(2)}`).toBe(true)
        }
      }
      expect(placements).toBeGreaterThan(400)
      // Where nothing could ever be cut, the test would show nothing.
      expect(cuts).toBeGreaterThan(0)
    })
  }
})

test('random placements on larger rings: cuts are as rare as the bound says', () => {
  const trials = 20_000
  let seed = 1
  const random = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return seed / 2 ** 32
  }
  for (const [ring, colluders] of [
    [{ n: 60, k: 12, c: 4 }, 8],
    [{ n: 100, k: 16, c: 5 }, 10],
    [{ n: 100, k: 20, c: 6 }, 12],
  ] as const) {
    let cuts = 0
    for (let trial = 0; trial < trials; trial += 1) {
      const places = Array.from({ length: ring.n }, (_, place) => place < colluders)
      for (let last = ring.n - 1; last > 0; last -= 1) {
        const chosen = Math.floor(random() * (last + 1))
        const [a = false, b = false] = [places[last], places[chosen]]
        places[last] = b
        places[chosen] = a
      }
      if (twoStretchesLean(ring, places)) cuts += 1
    }
    const { n, k, c } = ring
    const bound = n * n * 2 ** log2Tail({ total: n, marked: colluders, drawn: k }, c + 1)
    // Three standard errors of the frequency; the bound counts pairs of ends, so it may be far above.
    expect(cuts / trials).toBeLessThanOrEqual(bound + 3 * Math.sqrt(bound / trials))
    expect(cuts).toBeGreaterThan(0)
  }
})
