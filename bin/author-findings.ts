/** What `participant check` says of those who may sign this site's plans, and of the plan at hand. */
import type { ParticipantConfig } from '../participant/config.ts'
import { refuseAuthor } from '../participant/policy/authors.ts'
import { patternsIn } from '../participant/policy/id-pattern.ts'
import type { TrustBundle } from '../shared/identity/trust-bundle.ts'
import type { Finding } from './finding.ts'
import type { PlanAtHand } from './signed-plan.ts'
import { utcTime } from './text-table.ts'

/** One finding; of a plan in YAML, which nobody has signed yet, a warning with whose signature it needs. */
export function authorFinding(
  { policy }: Pick<ParticipantConfig, 'policy'>,
  plan: Pick<PlanAtHand, 'digest' | 'signature'> | undefined,
  verifier: { readonly bundle: TrustBundle; readonly nowMs: number },
): Finding {
  const authors = policy.planAuthors.join(', ')
  const { trustDomain } = verifier.bundle
  if (patternsIn(policy.planAuthors, trustDomain).length === 0) {
    return failed(
      `plan_authors_foreign: policy.planAuthors names nobody in ${trustDomain}, so no plan could be accepted`,
    )
  }
  if (plan === undefined) return found(`plans have to be signed by ${authors}`)
  const { digest: planDigest, signature } = plan
  if (signature === null) {
    const detail = `the plan is not signed yet: it needs the signature (blindsum plan sign) of ${authors}`
    return { ...failed(detail), isOptional: true }
  }
  const objection = refuseAuthor({ planDigest, signature, tookPartSince: () => false }, policy, verifier)
  if (objection !== null) return failed(`${objection.code}: ${objection.message}`)
  return found(`signed by ${signature.authorId} at ${utcTime(signature.signedAtMs)}, whom the policy names`)
}

function found(detail: string): Finding {
  return { name: 'author', ok: true, isOptional: false, detail }
}

function failed(detail: string): Finding {
  return { name: 'author', ok: false, isOptional: false, detail }
}
