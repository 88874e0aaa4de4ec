/**
 * Who may have this site train: a plan's signature is verified against the site's own bundle, and its author looked up in the
 * site's policy, before the plan is read or a model fetched. Pure.
 */
import type { TrustBundle } from '../../shared/identity/trust-bundle.ts'
import { DAY_MS, type PlanSignature, verifyPlanSignature } from '../../shared/plan/plan-signature.ts'
import { isNamed } from './id-pattern.ts'
import type { PolicyObjection } from './objection.ts'
import type { PolicyConfig } from './policy-file.ts'

/** Why this site accepts no plan under this signature, or null. `planDigest` is computed from the bytes at hand. */
export function refuseAuthor(
  signed: {
    readonly planDigest: Uint8Array
    readonly signature: PlanSignature | null
    /** Whether the site has taken part in this very plan before: its signature may then have grown old meanwhile. */
    readonly isUnderWay: boolean
  },
  policy: Pick<PolicyConfig, 'planAuthors' | 'planSignatureMaxAgeDays'>,
  verifier: { readonly bundle: TrustBundle; readonly nowMs: number },
): PolicyObjection | null {
  const maxAgeMs = signed.isUnderWay ? Number.POSITIVE_INFINITY : policy.planSignatureMaxAgeDays * DAY_MS
  const verdict = verifyPlanSignature({ ...signed, ...verifier, maxAgeMs })
  if (!verdict.ok) return { code: verdict.code, message: verdict.message }
  if (isNamed(policy.planAuthors, verdict.authorId)) return null
  const message = `the plan is signed by ${verdict.authorId}, whom this site’s policy.planAuthors does not name`
  return { code: 'plan_author_not_permitted', message }
}
