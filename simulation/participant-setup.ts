/** What a simulated participant brings to a session: worked out from the plan by itself, as an agent does it from plan and policy. */
import type { ParticipantSetup } from '../participant/protocol/session-state.ts'
import { updateDigest } from '../participant/protocol/update-digest.ts'
import type { TrainedUpdate } from '../participant/trainer.ts'
import { signWithIdentity } from '../shared/identity/identity-signature.ts'
import { contextDigest } from '../shared/protocol/context.ts'
import type { CertifiedKey } from './identities.ts'
import { contextOf, type SimulationPlan } from './plan.ts'

export function participantSetup(input: {
  readonly plan: SimulationPlan
  readonly round: number
  readonly sessionId: Uint8Array
  readonly key: CertifiedKey
  readonly enrolled: readonly string[]
  readonly trained: TrainedUpdate
}): ParticipantSetup {
  const { plan, key, enrolled, trained } = input
  const context = contextOf(plan, input.round, input.sessionId)
  const { privateKey, spiffeId, certificateChain } = key
  return {
    context,
    contextDigest: contextDigest(context),
    spiffeId,
    certificateChain,
    signWithCertificate: (statement) => signWithIdentity(privateKey, statement),
    enrolled,
    permitsPeer: () => true,
    minimumCohort: context.minimumCohort,
    admissionWindowMs: 300_000,
    sessionsPerModel: 2,
    roundsPerDay: 200,
    minimumColluders: 0,
    minimumThresholdFraction: 0.5,
    updateDigest: updateDigest(trained.update, { examples: trained.examples, ...trained.scalars }),
  }
}
