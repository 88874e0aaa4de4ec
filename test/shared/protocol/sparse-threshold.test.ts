/** The parameter finder: its bounds hold when worked out another way, no smaller k would do, and each bound can be the one that breaks. */
import { describe, expect, test } from 'vitest'
import { type AdversaryAssumptions, findParameters, sharingParameters } from '../../../shared/protocol/threshold.ts'
import { log2Binomial, log2Sum, log2Tail } from './log-tails.ts'

function assume(participants: number, rates: Partial<AdversaryAssumptions> = {}): AdversaryAssumptions {
  const { gammaPpm = 50_000, deltaPpm = 50_000 } = rates
  const limits = { adversary: 'malicious', graph: 'auto', maxNeighbours: 1000 } as const
  return { gammaPpm, deltaPpm, colluders: Math.ceil((participants * gammaPpm) / 1e6), ...limits, ...rates }
}

const sparse = (participants: number, rates: Partial<AdversaryAssumptions> = {}) => {
  const parameters = sharingParameters(participants, assume(participants, rates))
  expect(parameters.graph).toBe('sparse')
  return parameters
}

const cases = [100, 300, 1000, 3000].flatMap((n) =>
  [10_000, 100_000, 250_000, 330_000].flatMap((gammaPpm) =>
    [10_000, 100_000].map((deltaPpm) => ({ n, gammaPpm, deltaPpm })),
  ),
)

describe('malicious', () => {
  for (const { n, gammaPpm, deltaPpm } of cases) {
    test(`n = ${n}, γ = ${gammaPpm / 1e4} %, δ = ${deltaPpm / 1e4} %`, () => {
      const {
        neighbours: k,
        holders: h,
        corruptHolders: c,
        threshold: t,
        quorum: q,
      } = sparse(n, { gammaPpm, deltaPpm })
      const C = Math.ceil((n * gammaPpm) / 1e6)
      const D = Math.ceil((n * deltaPpm) / 1e6)
      expect(t).toBe(Math.floor((h + c) / 2) + 2)
      expect(2 * t).toBeGreaterThan(h + c)
      expect(2 * q).toBeGreaterThan(n + C)
      expect(n - D).toBeGreaterThanOrEqual(q)
      const pairs = 2 * Math.log2(n) - 1
      const error = 1e-6
      expect(pairs + log2Tail({ total: n, marked: C, drawn: k }, c)).toBeLessThanOrEqual(-96 + error)
      if (c > 0) expect(pairs + log2Tail({ total: n, marked: C, drawn: k }, c - 1)).toBeGreaterThan(-96 - error)
      expect(Math.log2(n) + log2Tail({ total: n - 1, marked: D, drawn: k }, k - t)).toBeLessThanOrEqual(-20 + error)
      // The proof needs n²·P[Hyp > c + 1], one more than the rule: that is the smaller of the two.
      const stricter = 2 * Math.log2(n) + log2Tail({ total: n, marked: C, drawn: k }, c + 1)
      expect(stricter).toBeLessThanOrEqual(-96 + error)
    })
  }

  test('made-up lines: all arrangements together stay below 2^-96', () => {
    let greatest = Number.NEGATIVE_INFINITY
    for (const { n, gammaPpm, deltaPpm } of cases.filter((one) => one.n <= 1000)) {
      const { neighbours, corruptHolders, threshold } = sparse(n, { gammaPpm, deltaPpm })
      const C = Math.ceil((n * gammaPpm) / 1e6)
      greatest = Math.max(greatest, log2Forgery({ n, C, k: neighbours, c: corruptHolders, t: threshold }))
    }
    expect(greatest).toBeLessThan(-96)
    expect(greatest).toBeGreaterThan(-200)
  })
})

test('semi-honest: fewer neighbours, no t corrupt ones, no cut', () => {
  for (const { n, gammaPpm, deltaPpm } of cases) {
    const { neighbours: k, holders: h, threshold: t } = sparse(n, { gammaPpm, deltaPpm, adversary: 'semi-honest' })
    expect(2 * t).toBeGreaterThan(h)
    const C = Math.ceil((n * gammaPpm) / 1e6)
    const D = Math.ceil((n * deltaPpm) / 1e6)
    expect(Math.log2(n) + log2Tail({ total: n - 1, marked: C, drawn: k }, t - 1)).toBeLessThanOrEqual(-40 + 1e-6)
    const cut = 2 * Math.log2(n) - 1 + log2Tail({ total: n, marked: Math.min(n, C + D), drawn: k }, k - 1)
    expect(cut).toBeLessThanOrEqual(-40 + 1e-6)
    expect(k).toBeLessThanOrEqual(sparse(n, { gammaPpm, deltaPpm }).neighbours)
  }
})

describe('the bound that breaks is named', () => {
  const broken = (n: number, rates: Partial<AdversaryAssumptions>) => {
    const found = findParameters(n, assume(n, rates))
    return found.ok ? found.parameters.graph : found.broken.bound
  }
  test('quorum: more may fall silent than the certificate bears', () => {
    expect(broken(3000, { gammaPpm: 330_000, deltaPpm: 400_000 })).toBe('quorum')
  })
  test('correctness: no k up to the plan’s largest keeps everybody enough holders', () => {
    expect(broken(5000, { gammaPpm: 200_000, deltaPpm: 330_000 })).toBe('correctness')
    expect(broken(1000, { gammaPpm: 200_000, deltaPpm: 330_000, maxNeighbours: 700 })).toBe('correctness')
    expect(broken(1000, { gammaPpm: 200_000, deltaPpm: 330_000 })).toBe('sparse')
  })
  test('colluders: a third on the complete graph', () => {
    expect(broken(60, { gammaPpm: 340_000 })).toBe('colluders')
  })
  test('neighbours: a complete graph beyond what the plan allows', () => {
    expect(broken(1500, { graph: 'complete' })).toBe('neighbours')
    expect(broken(1500, { graph: 'complete', maxNeighbours: 2000 })).toBe('complete')
  })
  test('where no k fits, the complete graph', () => {
    expect(broken(65, {})).toBe('complete')
    expect(broken(500, { gammaPpm: 330_000, deltaPpm: 330_000 })).toBe('complete')
  })
})

/**
 * log2 of the chance that made-up lines carry two certificates, summed over every arrangement: j stretches of a places in all with
 * x colluders in them, k places around each, none of f made-up lines in any. See docs/protocol.md, "Made-up lines".
 */
function log2Forgery({ n, C, k, c, t }: Record<'n' | 'C' | 'k' | 'c' | 't', number>): number {
  const terms: number[] = []
  for (let j = 1; j * k < n; j += 1) {
    for (let a = Math.max(t - c, j); a + j * k < n; a += 1) {
      for (let x = 0; x <= Math.min(a - (t - c), C); x += 1) {
        const free = a + j * k
        const f = Math.max(1, Math.ceil((n - C - (a - x) + 1) / 2), j * (k - c - 1) + 1)
        if (f > n - free || f > n - C) continue
        const ways = Math.log2(n / j) + log2Binomial(a - 1, j - 1) + (j > 1 ? log2Binomial(n - free - 1, j - 1) : 0)
        const avoided = log2Binomial(n - free, f) - log2Binomial(n, f)
        const colluders = log2Binomial(C, x) + log2Binomial(n - f - C, a - x) - log2Binomial(n - f, a)
        terms.push(ways + avoided + colluders)
      }
    }
  }
  return log2Sum(terms)
}
