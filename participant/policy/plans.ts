/**
 * The site's word on a plan, before anything is trained for it. In: the plan's own fields, whose author is known already, and
 * the site's policy. Out: every objection, coded. Pure: the same plan gets the same answer.
 */
import { dataSetName } from '../../shared/plan/data-spec.ts'
import type { Plan } from '../../shared/plan/plan.ts'
import { assumptionsOf, cohortSize } from '../../shared/plan/plan-rules.ts'
import { findParameters } from '../../shared/protocol/threshold.ts'
import type { PolicyCode, PolicyObjection } from './objection.ts'
import { permitsPeer } from './peers.ts'
import type { PolicyConfig } from './policy-file.ts'

/** What the policy is asked for: this site, and the plan's digest as computed here. */
export interface SiteFacts {
  readonly spiffeId: string
  readonly trustDomain: string
  /** Its data sets' formats, by name. */
  readonly dataSets: Readonly<Record<string, 'csv' | 'npy'>>
  /** SHA-256 of the plan document, lower-case hex. */
  readonly planDigestHex: string
}

/** What a policy knows of the data: formats, by name. */
export function dataFormats(sets: Readonly<Record<string, { readonly format: 'csv' | 'npy' }>>): SiteFacts['dataSets'] {
  return Object.fromEntries(Object.entries(sets).map(([name, { format }]) => [name, format]))
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
  // The site is no peer of itself: a list of the others permits the plan.
  const strangers = enrolled.filter(
    (id) => id !== site.spiffeId && !permitsPeer(policy, site.trustDomain, id) && !foreign.includes(id),
  )
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
    security.delta < policy.minimumDelta,
    'delta_too_small',
    `the plan assumes that at most ${security.delta} fall silent, policy.minimumDelta is ${policy.minimumDelta}`,
  )
  const { colluders } = assumptionsOf(plan)
  objectIf(
    colluders < policy.minimumColluders,
    'policy_colluders_too_few',
    `the plan assumes ${colluders} possible colluders, policy.minimumColluders is ${policy.minimumColluders}`,
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
  const more = [refuseThreshold(plan, policy), refuseData(plan, policy, site)]
  return [...objections, ...more.filter((objection) => objection !== null)]
}

/** For a full cohort, so that nothing is trained in vain; the core asks again for the roster that comes. */
function refuseThreshold(plan: Plan, { minimumThresholdFraction }: PolicyConfig): PolicyObjection | null {
  const found = findParameters(cohortSize(plan), assumptionsOf(plan))
  if (!found.ok) return null
  const { threshold, holders } = found.parameters
  if (threshold > minimumThresholdFraction * holders) return null
  const message = `${threshold} of ${holders} holders rebuild a secret, policy.minimumThresholdFraction is ${minimumThresholdFraction}`
  return { code: 'policy_threshold_too_low', message }
}

/** Whoever asks for a set that the policy does not permit is not told whether it exists, nor which others do. */
function refuseData({ data }: Plan, policy: PolicyConfig, { dataSets }: SiteFacts): PolicyObjection | null {
  const name = dataSetName(data)
  if (policy.dataSets !== undefined && !policy.dataSets.includes(name)) {
    return { code: 'data_set_not_permitted', message: `policy.dataSets does not name the plan's data set "${name}"` }
  }
  if (!Object.hasOwn(dataSets, name)) {
    return { code: 'data_set_unknown', message: `this site has no data set "${name}", which the plan uses` }
  }
  const [wanted, found] = [data.kind === 'tabular' ? 'csv' : 'npy', dataSets[name]]
  if (wanted === found) return null
  const message = `the plan describes ${data.kind} data, which comes as ${wanted}; "${name}" is ${found} at this site`
  return { code: 'data_format_mismatch', message }
}

function named(ids: readonly string[]): string {
  const more = ids.length - NAMED
  return more > 0 ? `${ids.slice(0, NAMED).join(', ')} and ${more} more` : ids.join(', ')
}
