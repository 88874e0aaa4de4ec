/**
 * Stage 0, advertise keys: fresh keys for this session, signed by the certificate's key together with the context that
 * this participant computed itself. The session id is recorded before the advertisement leaves; a known one is refused.
 */
import { generateKeyPair } from '../../shared/crypto/key-agreement.ts'
import { generateSigningKey } from '../../shared/crypto/signatures.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import { advertiseStatement } from '../../shared/protocol/roster.ts'
import { checkPolicyOnEntering } from './policy-checks.ts'
import type { ParticipantEnvironment, ParticipantSetup, Stepped } from './session-state.ts'

/** Enters a session. */
export function advertiseKeys(setup: ParticipantSetup, environment: ParticipantEnvironment): Stepped {
  const { context, contextDigest, spiffeId } = setup
  const { journal, rng, nowMs } = environment
  refuseIf(journal.knowsSession(context.sessionId), 'session_known', 'this session id was used before')
  refuseIf(!setup.enrolled.includes(spiffeId), 'not_enrolled', `${spiffeId} is not enrolled in the plan`)
  refuseIf(journal.isSpent(setup.updateDigest), 'update_spent', 'this update was masked before: train again')
  checkPolicyOnEntering(setup, journal, nowMs)
  const secrets = { channel: generateKeyPair(rng), mask: generateKeyPair(rng), signing: generateSigningKey(rng) }
  const unsigned = {
    spiffeId,
    channelKey: secrets.channel.publicKey,
    maskKey: secrets.mask.publicKey,
    signingKey: secrets.signing.publicKey,
    advertisedAtMs: nowMs,
  }
  const entry = {
    ...unsigned,
    certificateChain: setup.certificateChain,
    signature: setup.signWithCertificate(advertiseStatement(contextDigest, unsigned)),
  }
  const { sessionId, modelDigest, planDigest, round } = context
  return {
    session: { stage: 'advertised', setup, secrets, advertisement: entry },
    effects: [
      { kind: 'record', fact: { kind: 'session-opened', sessionId, modelDigest, planDigest, round, atMs: nowMs } },
      { kind: 'send', message: { kind: 'advertise-keys', entry } },
    ],
  }
}
