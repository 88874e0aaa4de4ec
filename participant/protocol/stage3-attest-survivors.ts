/**
 * Stage 3, consistency check: signs (U2, U3) once per session, after recording U3, and only if it survives itself with its
 * upload acknowledged whole.
 */
import { sign } from '../../shared/crypto/signatures.ts'
import { decodeBitmap } from '../../shared/protocol/bitmap.ts'
import { holdersOf } from '../../shared/protocol/neighbour-graph.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import { survivorsStatement } from '../../shared/protocol/statements.ts'
import type { AfterMasking, Stepped } from './session-state.ts'

/** Accepts U3 and attests it. */
export function attestSurvivors(session: AfterMasking, survivors: Uint8Array): Stepped {
  const { setup, ownIndex, parameters } = session
  const { sessionId, assumptions } = setup.context
  const indices = decodeBitmap(survivors, parameters.participants)
  refuseIf(indices === null, 'malformed', 'U3 is not a bitmap over the roster')
  const surviving = new Set(indices)
  const shared = new Set(decodeBitmap(session.shared, parameters.participants))
  refuseIf(
    [...surviving].some((index) => !shared.has(index)),
    'malformed',
    'U3 names someone who is not in U2',
  )
  refuseIf(!surviving.has(ownIndex), 'not_in_survivors', 'this participant is not in U3')
  refuseIf(!session.acknowledged, 'upload_not_acknowledged', 'U3 names this participant before its upload was whole')
  refuseIf(
    surviving.size - assumptions.colluders < setup.minimumCohort,
    'cohort_too_small',
    `|U3| is ${surviving.size}, less ${assumptions.colluders} possible colluders: at least ${setup.minimumCohort} are required`,
  )
  const holders = holdersOf(session.graph, ownIndex).filter((holder) => surviving.has(holder))
  refuseIf(
    holders.length < parameters.threshold,
    'too_few_holders',
    `${holders.length} holders of this participant's secrets are in U3, ${parameters.threshold} are needed`,
  )
  const attestation = sign(session.secrets.signing, survivorsStatement(session.digests, session.shared, survivors))
  return {
    session: { ...session, stage: 'attested', survivors, attestation },
    effects: [
      { kind: 'record', fact: { kind: 'survivors-attested', sessionId, survivors } },
      { kind: 'send', message: { kind: 'attest-survivors', signature: attestation } },
    ],
  }
}
