/**
 * Who may operate: the SPIFFE IDs of the allow list, compared whole. Asked for every connection and again at every call,
 * so that nothing rests on what was true when a connection was made.
 */
import type { Authorise } from '../../shared/transport/peer-interceptor.ts'

/** The gate of the operators' port. */
export function operatorAccess(allow: readonly string[]): Authorise {
  const allowed = new Set(allow)
  return (spiffeId) =>
    allowed.has(spiffeId)
      ? { ok: true }
      : {
          ok: false,
          code: 'not_permitted',
          message: `not_permitted: ${spiffeId} is not in the coordinator's operators.allow`,
        }
}

/** The gate of the participants' port: every workload of the trust domain may ask where it stands. */
export const participantAccess: Authorise = () => ({ ok: true })
