/** Whom a site talks to and takes part with. Pure. */
import { isNamed } from './id-pattern.ts'
import type { PolicyObjection } from './objection.ts'
import type { PolicyConfig } from './policy-file.ts'

/** Whether this site takes part in a session with `spiffeId`. */
export function permitsPeer(policy: Pick<PolicyConfig, 'peers'>, trustDomain: string, spiffeId: string): boolean {
  return isNamed(policy.peers ?? [`spiffe://${trustDomain}/*`], spiffeId)
}

/** Why this site does not dial the coordinator that its configuration names, or null. */
export function refuseCoordinator(
  policy: Pick<PolicyConfig, 'coordinators'>,
  spiffeId: string,
): PolicyObjection | null {
  if (policy.coordinators === undefined || isNamed(policy.coordinators, spiffeId)) return null
  const message = `${spiffeId} is not among policy.coordinators (${policy.coordinators.join(', ')})`
  return { code: 'coordinator_not_permitted', message }
}
