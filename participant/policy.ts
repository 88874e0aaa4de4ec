/**
 * The site's word on a plan, before anything is trained for it, and on a peer, before anything is shared with it. In: the
 * plan's own fields and the site's policy. Out: every objection, coded. Pure: the same plan gets the same answer.
 */
import type { Plan } from '../shared/plan/plan.ts'
import type { PolicyConfig } from './config.ts'

export type PolicyCode =
  | 'not_enrolled'
  | 'plan_not_approved'
  | 'trust_domain_wrong'
  | 'peer_not_permitted'
  | 'minimum_cohort_too_small'
  | 'gamma_too_small'
  | 'semi_honest_not_permitted'
  | 'too_many_rounds'
  | 'model_too_large'
  | 'data_format_mismatch'

export interface PolicyObjection {
  readonly code: PolicyCode
  readonly message: string
}

/** What the policy is asked for: this site, and the plan's digest as computed here. */
export interface SiteFacts {
  readonly spiffeId: string
  readonly trustDomain: string
  readonly dataFormat: 'csv' | 'npy'
  /** SHA-256 of the plan document, lower-case hex. */
  readonly planDigestHex: string
}

/** Most ids named in one message. */
const NAMED = 5

/** Everything in the plan that this site does not permit; empty when it takes part. */
export function refusePlan(plan: Plan, policy: PolicyConfig, site: SiteFacts): PolicyObjection[] {
  const objections: PolicyObjection[] = []
  const objectIf = (condition: boolean, code: PolicyCode, message: string) => {
    if (condition) objections.push({ code, message })
  }
  const { enrolled, minimumCohort } = plan.participants
  const { security, model } = plan
  objectIf(!enrolled.includes(site.spiffeId), 'not_enrolled', `the plan does not enrol ${site.spiffeId}`)
  const approved = policy.approvedPlans
  objectIf(
    approved !== undefined && !approved.includes(site.planDigestHex),
    'plan_not_approved',
    `plan ${site.planDigestHex} is not among policy.approvedPlans; review it and add its digest to take part`,
  )
  const foreign = enrolled.filter((id) => !id.startsWith(`spiffe://${site.trustDomain}/`))
  objectIf(
    foreign.length > 0,
    'trust_domain_wrong',
    `the plan enrols workloads outside the trust domain ${site.trustDomain}: ${named(foreign)}`,
  )
  const strangers = enrolled.filter((id) => !permitsPeer(policy, site, id) && !foreign.includes(id))
  objectIf(strangers.length > 0, 'peer_not_permitted', `policy.peers does not permit ${named(strangers)}`)
  objectIf(
    minimumCohort < policy.minimumCohort,
    'minimum_cohort_too_small',
    `the plan's minimumCohort is ${minimumCohort}, policy.minimumCohort is ${policy.minimumCohort}`,
  )
  objectIf(
    security.gamma < policy.minimumGamma,
    'gamma_too_small',
    `the plan assumes that at most ${security.gamma} of the enrolled collude, policy.minimumGamma is ${policy.minimumGamma}`,
  )
  objectIf(
    security.adversary === 'semi-honest' && !policy.allowSemiHonest,
    'semi_honest_not_permitted',
    'the plan trusts the coordinator to follow the protocol; policy.allowSemiHonest is false',
  )
  objectIf(
    plan.rounds > policy.maxRounds,
    'too_many_rounds',
    `the plan has ${plan.rounds} rounds, policy.maxRounds is ${policy.maxRounds}`,
  )
  objectIf(
    model.bytes > policy.maxModelBytes,
    'model_too_large',
    `the plan's model has ${model.bytes} bytes, policy.maxModelBytes is ${policy.maxModelBytes}`,
  )
  const wanted = plan.data.kind === 'tabular' ? 'csv' : 'npy'
  objectIf(
    wanted !== site.dataFormat,
    'data_format_mismatch',
    `the plan describes ${plan.data.kind} data, which comes as ${wanted}; this site's data is ${site.dataFormat}`,
  )
  return objections
}

/** Whether this site takes part in a session with `spiffeId`. */
export function permitsPeer(
  policy: Pick<PolicyConfig, 'peers'>,
  site: Pick<SiteFacts, 'trustDomain'>,
  spiffeId: string,
): boolean {
  const patterns = policy.peers ?? [`spiffe://${site.trustDomain}/*`]
  return patterns.some((pattern) =>
    pattern.endsWith('/*') ? spiffeId.startsWith(pattern.slice(0, -1)) : spiffeId === pattern,
  )
}

function named(ids: readonly string[]): string {
  const more = ids.length - NAMED
  return more > 0 ? `${ids.slice(0, NAMED).join(', ')} and ${more} more` : ids.join(', ')
}
