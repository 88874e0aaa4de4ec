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
    /** Whether the site has masked an update for this very plan since then: a run under way is not cut off for its age. */
    readonly tookPartSince: (ms: number) => boolean
  },
  policy: Pick<PolicyConfig, 'planAuthors' | 'planSignatureMaxAgeDays'>,
  verifier: { readonly bundle: TrustBundle; readonly nowMs: number },
): PolicyObjection | null {
  const { planDigest, signature, tookPartSince } = signed
  const span = policy.planSignatureMaxAgeDays * DAY_MS
  const maxAgeMs = tookPartSince(verifier.nowMs - span) ? Number.POSITIVE_INFINITY : span
  const verdict = verifyPlanSignature({ planDigest, signature, ...verifier, maxAgeMs })
  if (!verdict.ok) return { code: verdict.code, message: verdict.message }
  if (isNamed(policy.planAuthors, verdict.authorId)) return null
  const message = `the plan is signed by ${verdict.authorId}, whom this site’s policy.planAuthors does not name`
  return { code: 'plan_author_not_permitted', message }
}
