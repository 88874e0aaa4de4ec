/** How many participants a session of a plan cannot do without. Pure. */
import type { Plan } from '../../shared/plan/plan.ts'
import { assumptionsOf } from '../../shared/plan/plan-rules.ts'

/** The least roster that stage 0 accepts: the minimum cohort beside all possible colluders, and a secure graph. */
export function neededFor(plan: Plan): number {
  const { colluders } = assumptionsOf(plan)
  return Math.max(3, plan.participants.minimumCohort + colluders, 3 * colluders + 1)
}
