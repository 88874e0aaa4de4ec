/**
 * How the sum of a version was formed, as its provenance states it. All of it follows from the plan, so the verifier
 * works it out again and compares.
 */
import type { Plan } from '../plan/plan.ts'
import { assumptionsOf, encodingOf } from '../plan/plan-rules.ts'
import type { AdversaryAssumptions } from '../protocol/threshold.ts'
import { vectorLayout } from '../vector/encoding.ts'

export interface AggregationClaim extends AdversaryAssumptions {
  readonly rule: 'weighted-mean'
  readonly inputBits: number
  readonly modulusBits: number
  readonly laneWidth: 16 | 32
  readonly lengthLanes: number
  readonly clipNorm: number
  readonly laneRange: number
  readonly minWeight: number
  readonly maxWeight: number
  readonly serverLearningRate: number
  readonly minimumCohort: number
}

/** The claim that every version of a run of this plan makes. */
export function aggregationClaim(plan: Plan): AggregationClaim {
  const encoding = encodingOf(plan)
  const layout = vectorLayout(encoding)
  return {
    rule: 'weighted-mean',
    inputBits: encoding.inputBits,
    modulusBits: encoding.modulusBits,
    laneWidth: layout.laneWidth,
    lengthLanes: layout.lengthLanes,
    clipNorm: encoding.clipNorm,
    laneRange: encoding.laneRange,
    minWeight: encoding.minWeight,
    maxWeight: encoding.maxWeight,
    serverLearningRate: plan.aggregation.serverLearningRate,
    minimumCohort: plan.participants.minimumCohort,
    ...assumptionsOf(plan),
  }
}
