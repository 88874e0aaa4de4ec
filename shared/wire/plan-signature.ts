/** A plan's signature on the wire and off it. What it is worth is `verifyPlanSignature`'s business. */
import { MAX_CHAIN_CERTIFICATES } from '../identity/validate-svid.ts'
import type { PlanSignature } from '../plan/plan-signature.ts'
import { refuseIf } from '../protocol/refusal.ts'
import type { PlanSignature as WirePlanSignature } from './generated/blindsum/v1/coordinator.ts'

/** The signature beside a plan, or `null` when there is none. @throws ProtocolError `malformed` for an absurd chain. */
export function planSignatureFromWire(signature: WirePlanSignature | undefined): PlanSignature | null {
  if (signature === undefined) return null
  const { authorId, signedAtMs, certificateChain } = signature
  const count = certificateChain.length
  refuseIf(count > MAX_CHAIN_CERTIFICATES, 'malformed', `a chain of ${count} certificates`)
  // Decoded fields are views that would pin the whole message they came in.
  const chain = certificateChain.map((der) => new Uint8Array(der))
  return { authorId, signedAtMs, certificateChain: chain, signature: new Uint8Array(signature.signature) }
}

export function planSignatureToWire(signature: PlanSignature): WirePlanSignature {
  return { ...signature, certificateChain: [...signature.certificateChain] }
}
