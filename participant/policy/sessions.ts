/**
 * What a site permits of sessions. Asked before it trains, so that nothing is trained in vain; and handed to the protocol
 * core, which asks again before a key or a share leaves. Pure.
 */
import type { Plan } from '../../shared/plan/plan.ts'
import type { ParticipantSetup } from '../protocol/session-state.ts'
import type { PolicyObjection } from './objection.ts'
import { permitsPeer } from './peers.ts'
import type { PolicyConfig } from './policy-file.ts'

type SessionPolicy = Pick<
  ParticipantSetup,
  | 'permitsPeer'
  | 'minimumCohort'
  | 'minimumColluders'
  | 'minimumThresholdFraction'
  | 'sessionsPerModel'
  | 'roundsPerDay'
>

/** The policy's part of a session's setup. */
export function sessionPolicy(policy: PolicyConfig, plan: Plan, trustDomain: string): SessionPolicy {
  const { minimumColluders, minimumThresholdFraction, sessionsPerModel, roundsPerDay } = policy
  return {
    permitsPeer: (peer) => permitsPeer(policy, trustDomain, peer),
    minimumCohort: Math.max(plan.participants.minimumCohort, policy.minimumCohort),
    minimumColluders,
    minimumThresholdFraction,
    sessionsPerModel,
    roundsPerDay,
  }
}

/** Why this site takes part in no further session for now; `masked` counts sessions in which it masked an update. */
export function refuseSessions(
  policy: Pick<PolicyConfig, 'sessionsPerModel' | 'roundsPerDay'>,
  masked: { readonly onModel: number; readonly today: number },
): PolicyObjection[] {
  const objections: PolicyObjection[] = []
  if (masked.onModel >= policy.sessionsPerModel) {
    const message =
      `${masked.onModel} masked sessions on this global model or in this round, policy.sessionsPerModel is ` +
      `${policy.sessionsPerModel}: begin from fresh initial weights, or let the site raise its limit`
    objections.push({ code: 'too_many_sessions', message })
  }
  if (masked.today >= policy.roundsPerDay) {
    const message =
      `${masked.today} masked sessions in the last 24 hours, policy.roundsPerDay is ${policy.roundsPerDay}: ` +
      'resume the run later, or let the site raise its limit'
    objections.push({ code: 'too_many_rounds_today', message })
  }
  return objections
}
