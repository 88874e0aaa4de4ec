/** Why a site takes no part: the closed list of its policy's codes, stable for logs, operators and tests. */
import type { PlanSignatureRefusal } from '../../shared/plan/plan-signature.ts'

export type PolicyCode =
  // who
  | PlanSignatureRefusal
  | 'plan_author_not_permitted'
  | 'plan_not_approved'
  | 'coordinator_not_permitted'
  | 'not_enrolled'
  | 'trust_domain_wrong'
  | 'peer_not_permitted'
  // what is assumed of the others
  | 'minimum_cohort_too_small'
  | 'gamma_too_small'
  | 'delta_too_small'
  | 'policy_colluders_too_few'
  | 'policy_threshold_too_low'
  | 'semi_honest_not_permitted'
  // how much
  | 'too_many_sessions'
  | 'too_many_rounds_today'
  | 'too_many_rounds'
  | 'model_too_large'
  // on what
  | 'data_set_not_permitted'
  | 'data_set_unknown'
  | 'data_format_mismatch'

/** The coordinator and its operators read `message`: it says nothing of the site but what its policy demands. */
export interface PolicyObjection {
  readonly code: PolicyCode
  readonly message: string
}

/** Everything objected to, in one line behind the first objection's message. */
export function objectionWords([first, ...others]: readonly PolicyObjection[]): string {
  return [first?.message, ...others.map(({ code, message }) => `${code}: ${message}`)].join('; ')
}
