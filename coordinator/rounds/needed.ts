/** How many participants a session of a plan cannot do without. Pure. */
import type { Plan } from '../../shared/plan/plan.ts'
import { assumptionsOf } from '../../shared/plan/plan-rules.ts'
import { COMPLETE_GRAPH_LIMIT } from '../../shared/protocol/threshold.ts'

/**
 * The least roster that stage 0 accepts: the minimum cohort beside all possible colluders, and on the complete graph fewer than
 * a third of them. Whether the sparse graph has parameters for a roster is seen when stage 0 closes.
 */
export function neededFor(plan: Plan): number {
  const assumptions = assumptionsOf(plan)
  const { enrolled, minimumCohort } = plan.participants
  const isComplete = enrolled.length <= COMPLETE_GRAPH_LIMIT || assumptions.graph === 'complete'
  return Math.max(3, minimumCohort + assumptions.colluders, isComplete ? 3 * assumptions.colluders + 1 : 0)
}
