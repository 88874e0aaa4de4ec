/**
 * How many neighbours each participant has, how many shares reconstruct a secret, how many signatures make a certificate.
 * Every participant computes this itself from n and the plan, and refuses anything else.
 *
 * Up to 64 participants, or where the plan says so, everybody is everybody's neighbour; above, see sparse-threshold.ts.
 * Against a malicious coordinator always 2t > h + c: no owner has t holders for each kind of share.
 */
import { refuse } from './refusal.ts'
import { sparseParameters } from './sparse-threshold.ts'

/** The plan's answers to "how many may collude, how many may fall silent". Rates in parts per million. */
export interface AdversaryAssumptions {
  readonly gammaPpm: number
  readonly deltaPpm: number
  /** C = ⌈γE⌉: participants that may collude with the coordinator, absolute, whatever the cohort. */
  readonly colluders: number
  readonly adversary: 'malicious' | 'semi-honest'
  readonly graph: 'auto' | 'complete'
  /** Largest k the plan allows. */
  readonly maxNeighbours: number
}

/**
 * n participants; k neighbours and h = k + 1 holders of each; c corrupt holders an honest owner may have beside itself; t
 * shares per secret; q signatures per certificate.
 */
export interface SharingParameters {
  readonly graph: 'complete' | 'sparse'
  readonly participants: number
  readonly neighbours: number
  readonly holders: number
  readonly corruptHolders: number
  readonly threshold: number
  readonly quorum: number
}

/** A rule that no parameters satisfy, in words. */
export interface NoParameters {
  readonly bound: 'size' | 'colluders' | 'neighbours' | 'quorum' | 'privacy' | 'correctness'
  readonly message: string
}

export type Parameters =
  | { readonly ok: true; readonly parameters: SharingParameters }
  | { readonly ok: false; readonly broken: NoParameters }

/** Largest n for which the complete graph is the rule; above it the plan has to ask for it. */
export const COMPLETE_GRAPH_LIMIT = 64
/** Shares carry a 16-bit index. */
export const MAX_PARTICIPANTS = 0xffff
/** Most neighbours unless the plan says otherwise, and the most it can say: their entries have to fit one message. */
export const DEFAULT_MAX_NEIGHBOURS = 1000
export const MAX_NEIGHBOURS = 2000

/** C = ⌈γE⌉ for E enrolled identities, in integers. */
export function colluders(enrolled: number, gammaPpm: number): number {
  return Math.ceil((enrolled * gammaPpm) / 1_000_000)
}

/** D = ⌈δn⌉: how many of n may fall silent, colluders included. */
export function silent(participants: number, deltaPpm: number): number {
  return Math.ceil((participants * deltaPpm) / 1_000_000)
}

/** The parameters for n participants, or the bound that broke. Remembered: the sparse rule takes milliseconds to seconds. */
export function findParameters(participants: number, assumptions: AdversaryAssumptions): Parameters {
  const { colluders: C, deltaPpm, adversary, graph, maxNeighbours } = assumptions
  const key = [participants, C, deltaPpm, adversary, graph, maxNeighbours].join(' ')
  const known = remembered.get(key)
  if (known !== undefined) return known
  const found = find(participants, assumptions)
  if (remembered.size >= MOST_REMEMBERED) remembered.clear()
  remembered.set(key, found)
  return found
}

/** The parameters for n participants. Refuses with `cohort_too_small` or `no_parameters`. */
export function sharingParameters(participants: number, assumptions: AdversaryAssumptions): SharingParameters {
  const found = findParameters(participants, assumptions)
  if (found.ok) return found.parameters
  return refuse(found.broken.bound === 'size' ? 'cohort_too_small' : 'no_parameters', found.broken.message)
}

/** Dropouts a session survives for certain, over all stages together. On the sparse graph: those the plan counts on. */
export function toleratedDropouts(
  parameters: SharingParameters,
  assumptions: AdversaryAssumptions,
  minimumCohort: number,
): number {
  const { graph, participants: n, threshold } = parameters
  const byShares = graph === 'complete' ? n - threshold : silent(n, assumptions.deltaPpm)
  return Math.max(0, Math.min(byShares, n - assumptions.colluders - minimumCohort))
}

const remembered = new Map<string, Parameters>()
const MOST_REMEMBERED = 4096

function find(n: number, assumptions: AdversaryAssumptions): Parameters {
  if (n < 3) return none('size', `a session needs at least 3 participants, this roster has ${n}`)
  if (n > MAX_PARTICIPANTS) return none('size', `a session has at most ${MAX_PARTICIPANTS} participants, not ${n}`)
  if (n <= COMPLETE_GRAPH_LIMIT || assumptions.graph === 'complete') return complete(n, assumptions)
  const sparse = sparseParameters(n, assumptions)
  if (sparse.ok) return sparse
  const whole = complete(n, assumptions)
  if (whole.ok) return whole
  return none(sparse.broken.bound, `${sparse.broken.message}; and ${whole.broken.message}`)
}

/** t = q = ⌊(n + c)/2⌋ + 1 with c = max(C, ⌈n/3⌉ − 1). */
function complete(n: number, { colluders: C, maxNeighbours }: AdversaryAssumptions): Parameters {
  if (n - 1 > maxNeighbours && n > COMPLETE_GRAPH_LIMIT) {
    return none('neighbours', `the complete graph gives ${n - 1} neighbours, the plan allows ${maxNeighbours}`)
  }
  if (3 * C >= n) {
    const message = `${C} possible colluder${C === 1 ? '' : 's'} among ${n} participants: the complete graph needs fewer than a third`
    return none('colluders', message)
  }
  const corruptHolders = Math.max(C, Math.ceil(n / 3) - 1)
  const threshold = Math.floor((n + corruptHolders) / 2) + 1
  const sizes = { participants: n, neighbours: n - 1, holders: n }
  return { ok: true, parameters: { graph: 'complete', ...sizes, corruptHolders, threshold, quorum: threshold } }
}

function none(bound: NoParameters['bound'], message: string): Parameters {
  return { ok: false, broken: { bound, message } }
}
