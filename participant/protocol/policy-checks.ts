/**
 * What the site's own policy says of a session, whatever plan and coordinator say: the part of it that only the roster, or
 * only the journal, decides. The setup carries the policy's numbers; nothing here is taken from the coordinator.
 */
import { refuseIf } from '../../shared/protocol/refusal.ts'
import type { SharingParameters } from '../../shared/protocol/threshold.ts'
import type { JournalView } from './journal.ts'
import type { ParticipantSetup } from './session-state.ts'

/** The span over which masked sessions are counted. */
export const DAY_MS = 86_400_000

/** Refuses to enter a session that the policy forbids, whoever else is in it: `policy_colluders_too_few`, `too_many_sessions`. */
export function checkPolicyOnEntering(setup: ParticipantSetup, journal: JournalView, nowMs: number): void {
  const { context, minimumColluders, sessionsPerModel, roundsPerDay } = setup
  const { colluders } = context.assumptions
  refuseIf(
    colluders < minimumColluders,
    'policy_colluders_too_few',
    `the plan assumes ${colluders} possible colluders, local policy at least ${minimumColluders}`,
  )
  const sessions = journal.maskedSessionsOn(context)
  refuseIf(
    sessions >= sessionsPerModel,
    'too_many_sessions',
    `${sessions} masked sessions on this global model or in this round, local policy allows ${sessionsPerModel}`,
  )
  const today = journal.maskedSessionsSince(nowMs - DAY_MS)
  refuseIf(
    today >= roundsPerDay,
    'too_many_rounds_today',
    `${today} masked sessions in the last 24 hours, local policy allows ${roundsPerDay}`,
  )
}

/** Refuses, with `policy_threshold_too_low`, a roster of whose holders the policy's part or fewer could rebuild a secret. */
export function checkPolicyOnRoster(
  setup: Pick<ParticipantSetup, 'minimumThresholdFraction'>,
  { participants, holders, threshold }: Pick<SharingParameters, 'participants' | 'holders' | 'threshold'>,
): void {
  refuseIf(
    threshold <= setup.minimumThresholdFraction * holders,
    'policy_threshold_too_low',
    `among ${participants} participants ${threshold} of ${holders} holders rebuild a secret; local policy wants more than ` +
      `${setup.minimumThresholdFraction} of them`,
  )
}
