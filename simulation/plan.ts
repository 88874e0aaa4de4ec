/**
 * What is simulated: how many participants, of what vector, under which assumptions, with which faults. Plain data, so that
 * it can be handed to every thread; what follows from it (assumptions, encoding, context) is worked out here by each.
 */
import { sha256 } from '../shared/crypto/digest.ts'
import { ConfigError } from '../shared/errors.ts'
import { PLAN_SCALARS } from '../shared/plan/plan-rules.ts'
import type { SessionContext } from '../shared/protocol/context.ts'
import {
  type AdversaryAssumptions,
  colluders,
  findParameters,
  MAX_NEIGHBOURS,
  type SharingParameters,
} from '../shared/protocol/threshold.ts'
import { refuseEncoding, type VectorEncoding, vectorLayout } from '../shared/vector/encoding.ts'
import type { NetworkSpec } from './network.ts'

export interface SimulationPlan {
  readonly participants: number
  /** Parameters of the simulated model: lanes without those of the scalars. */
  readonly lanes: number
  readonly inputBits: number
  readonly rounds: number
  /** Parts of the participants that fall silent, and that misbehave. */
  readonly dropout: number
  readonly corrupt: number
  /** The first stage that gets no answer, 0 to 4, the same for all who fall silent; left out, they are spread over the stages. */
  readonly dropAt?: number
  readonly gammaPpm: number
  readonly deltaPpm: number
  readonly adversary: 'malicious' | 'semi-honest'
  readonly graph: 'auto' | 'complete' | 'sparse'
  readonly network: NetworkSpec
  /** Draws faults, data and stragglers; never keys. */
  readonly seed: number
  readonly threads: number
}

export const TRUST_DOMAIN = 'simulation.example'
/** The virtual wall clock at the first round; rounds are ten minutes apart, so that a day has fewer than policy allows. */
export const STARTED_AT_MS = 1_790_000_000_000
const ROUND_MS = 600_000
const MINIMUM_COHORT = 3

/** The virtual wall clock of a round. */
export function nowOf(round: number): number {
  return STARTED_AT_MS + (round - 1) * ROUND_MS
}

/** The SPIFFE ID at a place, counted from 0; ids sort like places. */
export function idAtPlace(place: number): string {
  return `spiffe://${TRUST_DOMAIN}/site/${String(place + 1).padStart(5, '0')}`
}

/** How many of n a part is. */
export function partOf(plan: SimulationPlan, part: 'dropout' | 'corrupt'): number {
  return Math.round(plan.participants * plan[part])
}

export function assumptionsOf(plan: SimulationPlan): AdversaryAssumptions {
  const { participants, gammaPpm, deltaPpm, adversary, graph } = plan
  return {
    gammaPpm,
    deltaPpm,
    colluders: colluders(participants, gammaPpm),
    adversary,
    graph: graph === 'complete' ? 'complete' : 'auto',
    maxNeighbours: Math.max(64, Math.min(MAX_NEIGHBOURS, participants - 1)),
  }
}

export function encodingOf(plan: SimulationPlan): VectorEncoding {
  const { lanes, inputBits, participants } = plan
  return {
    parameterCount: lanes,
    scalars: PLAN_SCALARS,
    inputBits,
    modulusBits: Math.max(8, inputBits + Math.ceil(Math.log2(participants))),
    laneRange: 1,
    clipNorm: Math.sqrt(lanes),
    minWeight: 1,
    maxWeight: 1000,
    maxParticipants: participants,
  }
}

/** The context of one round's session. */
export function contextOf(plan: SimulationPlan, round: number, sessionId: Uint8Array): SessionContext {
  const encoding = encodingOf(plan)
  const { lengthLanes, laneWidth } = vectorLayout(encoding)
  const { inputBits, clipNorm, laneRange, minWeight, maxWeight, modulusBits } = encoding
  const scalars = encoding.scalars.map((scalar) => `${scalar.name}:${scalar.fractionBits}`)
  return {
    trustDomain: TRUST_DOMAIN,
    runId: 'simulation',
    round,
    sessionId,
    planDigest: sha256(Buffer.from('simulated plan')),
    modelDigest: sha256(Buffer.from(`simulated model of round ${round}`)),
    lengthLanes,
    laneWidth,
    modulusBits,
    minimumCohort: MINIMUM_COHORT,
    enrolledCount: plan.participants,
    assumptions: assumptionsOf(plan),
    aggregation: { inputBits, clipNorm, laneRange, minWeight, maxWeight, scalars },
  }
}

/** The parameters when everybody takes part. @throws ConfigError with what has to be changed. */
export function parametersOf(plan: SimulationPlan): SharingParameters {
  const problems = [...refuseEncoding(encodingOf(plan))]
  const assumptions = assumptionsOf(plan)
  if (plan.participants - assumptions.colluders < MINIMUM_COHORT) {
    problems.push(
      `${plan.participants} participants, ${assumptions.colluders} of them possible colluders: fewer than ${MINIMUM_COHORT} are left; lower --gamma`,
    )
  }
  if (partOf(plan, 'dropout') + partOf(plan, 'corrupt') > plan.participants) {
    problems.push('--dropout and --corrupt together are more than all participants')
  }
  const found = findParameters(plan.participants, assumptions)
  if (!found.ok) problems.push(`no parameters for ${plan.participants} participants: ${found.broken.message}`)
  else if (plan.graph === 'sparse' && found.parameters.graph !== 'sparse') {
    problems.push(
      `--graph sparse: the rule gives ${plan.participants} participants the complete graph (64 or fewer, or no sparse ` +
        'parameters at this --gamma and --delta)',
    )
  }
  if (problems.length > 0 || !found.ok) throw new ConfigError('simulation_impossible', problems)
  return found.parameters
}
