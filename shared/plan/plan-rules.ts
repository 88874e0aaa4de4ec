/**
 * Rules across a plan's fields, and what follows from it: the vector's encoding, the adversary assumptions and the session
 * context. Everything a participant must compute itself, it computes here from the plan's bytes.
 */
import type { SessionContext } from '../protocol/context.ts'
import { type AdversaryAssumptions, colluders, sharingParameters } from '../protocol/threshold.ts'
import { refuseEncoding, type VectorEncoding, vectorLayout } from '../vector/encoding.ts'
import type { Plan } from './plan.ts'

/** The securely summed scalars, in lane order. `examples` is the weight; losses are sums over examples. */
export const PLAN_SCALARS = [
  { name: 'examples', fractionBits: 0 },
  { name: 'trainLossSum', fractionBits: 20 },
  { name: 'evalExamples', fractionBits: 0 },
  { name: 'evalLossSum', fractionBits: 20 },
  { name: 'evalCorrect', fractionBits: 0 },
] as const

/** γ and δ in parts per million, and C = ⌈γE⌉. */
export function assumptionsOf(plan: Plan): AdversaryAssumptions {
  const gammaPpm = Math.round(plan.security.gamma * 1_000_000)
  return {
    gammaPpm,
    deltaPpm: Math.round(plan.security.delta * 1_000_000),
    colluders: colluders(plan.participants.enrolled.length, gammaPpm),
    adversary: plan.security.adversary,
    graph: plan.security.graph,
    maxNeighbours: plan.security.maxNeighbours,
  }
}

/** How an update becomes lanes. */
export function encodingOf(plan: Plan): VectorEncoding {
  const { aggregation } = plan
  const enrolled = plan.participants.enrolled.length
  return {
    parameterCount: plan.model.parameterCount,
    scalars: PLAN_SCALARS,
    inputBits: aggregation.inputBits,
    modulusBits: aggregation.modulusBits ?? Math.max(8, aggregation.inputBits + Math.ceil(Math.log2(enrolled))),
    laneRange: aggregation.laneRange,
    clipNorm: aggregation.clipNorm,
    minWeight: aggregation.minExamples,
    maxWeight: aggregation.maxExamples,
    maxParticipants: enrolled,
  }
}

/** The largest cohort a round asks for. */
export function cohortSize(plan: Plan): number {
  return Math.min(
    plan.participants.targetCohort ?? plan.participants.enrolled.length,
    plan.participants.enrolled.length,
  )
}

/** Whether sites evaluate in this round, contributing a zero update, and train in none: the one after the plan's last. */
export function isEvaluation(plan: Plan, round: number): boolean {
  return round === plan.rounds + 1
}

/** The context of one session of this plan; the digests are those of the bytes at hand, never a coordinator's word. */
export function sessionContext(
  plan: Plan,
  session: {
    readonly trustDomain: string
    readonly runId: string
    readonly round: number
    readonly sessionId: Uint8Array
    readonly planDigest: Uint8Array
    readonly modelDigest: Uint8Array
  },
): SessionContext {
  const encoding = encodingOf(plan)
  const layout = vectorLayout(encoding)
  return {
    ...session,
    lengthLanes: layout.lengthLanes,
    laneWidth: layout.laneWidth,
    modulusBits: encoding.modulusBits,
    minimumCohort: plan.participants.minimumCohort,
    enrolledCount: plan.participants.enrolled.length,
    assumptions: assumptionsOf(plan),
    aggregation: {
      inputBits: encoding.inputBits,
      clipNorm: encoding.clipNorm,
      laneRange: encoding.laneRange,
      minWeight: encoding.minWeight,
      maxWeight: encoding.maxWeight,
      scalars: encoding.scalars.map((scalar) => `${scalar.name}:${scalar.fractionBits}`),
    },
  }
}

/** Every rule across fields that the plan breaks, each with the field to change. */
export function planProblems(plan: Plan): string[] {
  const problems: string[] = []
  const { enrolled, minimumCohort, targetCohort } = plan.participants
  if (new Set(enrolled).size !== enrolled.length) problems.push('plan.participants.enrolled: a SPIFFE ID stands twice')
  const domains = new Set(enrolled.map((id) => id.split('/')[2]))
  if (domains.size > 1) problems.push('plan.participants.enrolled: all must be of one trust domain')
  const { localEpochs, localSteps } = plan.training
  if ((localEpochs === undefined) === (localSteps === undefined)) {
    problems.push('plan.training: give exactly one of localEpochs and localSteps')
  }
  const { minExamples, maxExamples } = plan.aggregation
  if (minExamples > maxExamples) problems.push('plan.aggregation.minExamples: greater than maxExamples')
  if (targetCohort !== undefined && targetCohort > enrolled.length) {
    problems.push(`plan.participants.targetCohort: ${targetCohort} of ${enrolled.length} enrolled`)
  }
  const { stageDeadlineMs, joinGraceMs, admissionWindowMs } = plan.timing
  if (stageDeadlineMs + joinGraceMs >= admissionWindowMs) {
    problems.push(
      `plan.timing.stageDeadlineMs: with joinGraceMs ${stageDeadlineMs + joinGraceMs}, not below admissionWindowMs ` +
        `${admissionWindowMs}: stage 0 could last so long that everybody refuses stage 1 as too late`,
    )
  }
  problems.push(...refuseEncoding(encodingOf(plan)).map((problem) => `plan.aggregation: ${problem}`))
  const assumptions = assumptionsOf(plan)
  const cohort = cohortSize(plan)
  if (cohort - assumptions.colluders < minimumCohort) {
    problems.push(
      `plan.participants.minimumCohort: ${cohort} participants less ${assumptions.colluders} possible colluders ` +
        `are fewer than ${minimumCohort}; enrol more, lower security.gamma or (floor 2) minimumCohort`,
    )
  }
  try {
    sharingParameters(cohort, assumptions)
  } catch (cause) {
    problems.push(`plan.security: ${(cause as Error).message}`)
  }
  return problems
}
