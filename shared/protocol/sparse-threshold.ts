/**
 * Parameters of the sparse graph (Bell et al., CCS 2020): the smallest even k, from 64, for which exact hypergeometric tails
 * stay below the bounds. docs/protocol.md derives each bound; probabilities are over the random places on the ring.
 *
 * Privacy, malicious: c is the least with (n²/2)·P[Hyp(n, C, k) > c] ≤ 2^-96, so that two ends of an arc cannot both lean on
 * colluders; and rosters with made-up lines cannot carry two certificates. Semi-honest: nobody has t corrupt neighbours, and no
 * k places in two runs are all corrupt or silent, each with 2^-40. Correctness: everybody keeps t holders, 2^-20.
 */
import { allWays, leastLimit, waysAbove } from './hypergeometric.ts'
import { type AdversaryAssumptions, type NoParameters, type Parameters, silent } from './threshold.ts'

/** Neighbours of everybody at least, so that masks do not hang on a handful of others. */
const LEAST_NEIGHBOURS = 64
/** A malicious coordinator may try 2^56 rosters within the admission window: 2^-96 each leaves 2^-40. */
const MALICIOUS_BITS = 96n
const SEMI_HONEST_BITS = 40n
/** A session that fails for want of shares is no breach. */
const CORRECTNESS_BITS = 20n

interface Cohort {
  readonly n: number
  readonly colluders: number
  readonly silent: number
}

interface Secrecy {
  readonly corruptHolders: number
  readonly threshold: number
}

/** The parameters for n > 64, or the bound that no k ≤ maxNeighbours below n − 1 meets. */
export function sparseParameters(participants: number, assumptions: AdversaryAssumptions): Parameters {
  const n = participants
  const { colluders, deltaPpm, adversary, maxNeighbours } = assumptions
  const cohort = { n, colluders, silent: silent(n, deltaPpm) }
  const quorum = Math.floor((n + colluders) / 2) + 1
  if (n - cohort.silent < quorum) {
    const left = `${n} participants less ${cohort.silent} that may fall silent leave ${n - cohort.silent}`
    return none('quorum', `${left}, a certificate needs ${quorum} signatures`)
  }
  const most = Math.min(maxNeighbours, n - 2)
  let broken: 'privacy' | 'correctness' = 'privacy'
  for (let k = LEAST_NEIGHBOURS; k <= most; k += 2) {
    const secrecy = adversary === 'malicious' ? againstMalicious(cohort, k) : againstSemiHonest(cohort, k)
    if (secrecy === null) continue
    broken = 'correctness'
    if (!isCorrect(cohort, k, secrecy.threshold)) continue
    const sizes = { participants: n, neighbours: k, holders: k + 1 }
    return { ok: true, parameters: { graph: 'sparse', ...sizes, ...secrecy, quorum } }
  }
  return none(broken, `no ${LEAST_NEIGHBOURS} to ${most} neighbours meet the ${broken} bound for ${n} participants`)
}

/** c by the tail, t = ⌊(h + c)/2⌋ + 2; null where this k leaves room for made-up lines. */
function againstMalicious(cohort: Cohort, k: number): Secrecy | null {
  const { n, colluders } = cohort
  const draw = { total: n, marked: colluders, drawn: k }
  const all = allWays(draw)
  const pairs = BigInt(n) * BigInt(n)
  const corruptHolders = leastLimit(draw, (ways) => (pairs * ways) << MALICIOUS_BITS <= 2n * all)
  const threshold = Math.floor((k + 1 + corruptHolders) / 2) + 2
  if (threshold > k + 1 || !excludesForgery(cohort, k, threshold - corruptHolders)) return null
  return { corruptHolders, threshold }
}

/**
 * Two certificates under one roster take at least f = ⌈(n − C − a + 1)/2⌉ made-up lines when a honest participants stand in
 * between, and none of these lines may be within k/2 places of them: a + k places without any. The shortest stretch, of the t − c
 * honest holders without whom nobody masks, weighs most; all others together do not add fifteen times as much (see the test).
 */
function excludesForgery({ n, colluders }: Cohort, k: number, stretch: number): boolean {
  const forged = Math.ceil((n - colluders - stretch + 1) / 2)
  const free = { total: n, marked: forged, drawn: stretch + k }
  if (stretch + k + forged > n) return true
  const without = allWays({ ...free, total: n - forged })
  return (16n * BigInt(n) * without) << MALICIOUS_BITS <= allWays(free)
}

/**
 * t least with n·P[Hyp(n−1, C, k) ≥ t] ≤ 2^-40, but more than half of the holders, or with few colluders a single share would be
 * the secret; and (n²/2)·P[Hyp(n, C + D, k) = k] ≤ 2^-40.
 */
function againstSemiHonest({ n, colluders, silent: D }: Cohort, k: number): Secrecy | null {
  const draw = { total: n - 1, marked: colluders, drawn: k }
  const all = allWays(draw)
  const corruptHolders = leastLimit(draw, (ways) => (BigInt(n) * ways) << SEMI_HONEST_BITS <= all)
  const gone = { total: n, marked: Math.min(n, colluders + D), drawn: k }
  const cut = BigInt(n) * BigInt(n) * waysAbove(gone, k - 1)
  if (cut << SEMI_HONEST_BITS > 2n * allWays(gone) || corruptHolders >= k) return null
  return { corruptHolders, threshold: Math.max(corruptHolders, Math.floor((k + 1) / 2)) + 1 }
}

/** n·P[Hyp(n−1, D, k) > k − t] ≤ 2^-20: with D silent everybody keeps t holders. */
function isCorrect({ n, silent: D }: Cohort, k: number, threshold: number): boolean {
  const draw = { total: n - 1, marked: D, drawn: k }
  return (BigInt(n) * waysAbove(draw, k - threshold)) << CORRECTNESS_BITS <= allWays(draw)
}

function none(bound: NoParameters['bound'], message: string): Parameters {
  return { ok: false, broken: { bound, message } }
}
