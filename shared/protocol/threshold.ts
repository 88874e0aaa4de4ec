/**
 * Who shares with whom, and how many shares reconstruct a secret: the complete graph, in which everybody is everybody's
 * neighbour. Every participant computes this itself from n and the plan, and refuses anything else.
 */
import { refuseIf } from './refusal.ts'

/** The plan's answers to "how many may collude, how many may fall silent". Rates in parts per million. */
export interface AdversaryAssumptions {
  readonly gammaPpm: number
  readonly deltaPpm: number
  /** C = ⌈γE⌉: participants that may collude with the coordinator, absolute, whatever the cohort. */
  readonly colluders: number
  readonly adversary: 'malicious' | 'semi-honest'
  readonly graph: 'auto' | 'complete'
}

/** n, h holders per owner, c corrupt holders an honest owner may face, t shares per secret, q signatures per certificate. */
export interface SharingParameters {
  readonly participants: number
  readonly holders: number
  readonly corruptHolders: number
  readonly threshold: number
  readonly quorum: number
}

/** Largest n for which the complete graph is the rule; above it the plan has to ask for it. */
export const COMPLETE_GRAPH_LIMIT = 64
/** Shares carry a 16-bit index. */
export const MAX_PARTICIPANTS = 0xffff
/** On the complete graph everybody gets everybody's entry: more would not fit into one message of the wire. */
export const MAX_COMPLETE_GRAPH = 1000

/** C = ⌈γE⌉ for E enrolled identities, in integers. */
export function colluders(enrolled: number, gammaPpm: number): number {
  return Math.ceil((enrolled * gammaPpm) / 1_000_000)
}

/**
 * t = q = ⌊(n + c)/2⌋ + 1 with c = max(C, ⌈n/3⌉ − 1), so that 2t > h + c: no owner has t holders for each kind of share.
 * Refuses n < 3 and 3C ≥ n.
 */
export function sharingParameters(participants: number, assumptions: AdversaryAssumptions): SharingParameters {
  const n = participants
  refuseIf(n < 3, 'cohort_too_small', `a session needs at least 3 participants, this roster has ${n}`)
  refuseIf(
    n > COMPLETE_GRAPH_LIMIT && assumptions.graph !== 'complete',
    'no_parameters',
    `${n} participants need the sparse graph; set graph: complete in the plan or keep cohorts to ${COMPLETE_GRAPH_LIMIT}`,
  )
  refuseIf(
    n > MAX_COMPLETE_GRAPH,
    'no_parameters',
    `the complete graph holds at most ${MAX_COMPLETE_GRAPH} participants, not ${n}`,
  )
  refuseIf(
    3 * assumptions.colluders >= n,
    'no_parameters',
    `${assumptions.colluders} possible colluders among ${n} participants: the complete graph needs fewer than a third`,
  )
  const corruptHolders = Math.max(assumptions.colluders, Math.ceil(n / 3) - 1)
  const threshold = Math.floor((n + corruptHolders) / 2) + 1
  return { participants: n, holders: n, corruptHolders, threshold, quorum: threshold }
}

/** H(u): everybody keeps a share of everybody's secrets, oneself included; ascending. */
export function holdersOf(_owner: number, participants: number): readonly number[] {
  return Array.from({ length: participants }, (_, place) => place + 1)
}

/** N(u): whom u masks with. */
export function neighboursOf(owner: number, participants: number): readonly number[] {
  return holdersOf(owner, participants).filter((index) => index !== owner)
}

/** Dropouts the session survives, over all stages together: both the threshold and the minimum cohort allow them. */
export function toleratedDropouts(parameters: SharingParameters, colluderCount: number, minimumCohort: number): number {
  const { participants: n, threshold } = parameters
  return Math.max(0, Math.min(n - threshold, n - colluderCount - minimumCohort))
}
