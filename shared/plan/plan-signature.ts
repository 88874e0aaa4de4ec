/**
 * Who answers for a plan: its author signs the plan's digest with the key of its X.509-SVID. In: a digest computed from the
 * plan's bytes, a signature, the verifier's own bundle. Out: the author's SPIFFE ID, or why the signature is not accepted.
 * Whether that author may write plans is not decided here: see the site's policy.
 */
import type { KeyObject } from 'node:crypto'
import { publicKeyOf, readCertificate } from '../identity/certificate.ts'
import { IDENTITY_SIGNATURE_BYTES, signWithIdentity, verifyIdentitySignature } from '../identity/identity-signature.ts'
import { checkLeaf } from '../identity/leaf-rules.ts'
import { Refusal, type SvidRefusal } from '../identity/svid-refusal.ts'
import type { TrustBundle } from '../identity/trust-bundle.ts'
import { validateSvid } from '../identity/validate-svid.ts'
import { encodeTuple } from '../protocol/tuple.ts'

/** What travels beside a plan document. */
export interface PlanSignature {
  /** SPIFFE ID of the author: the one in the leaf of `certificateChain`. */
  readonly authorId: string
  /** Unix milliseconds by the author's clock. The chain has to be valid then, not later: a plan outlives a certificate. */
  readonly signedAtMs: number
  /** DER, leaf first. */
  readonly certificateChain: readonly Uint8Array[]
  /** ECDSA P-256 over {@link planStatement}: raw r‖s, 64 bytes. */
  readonly signature: Uint8Array
}

export type PlanSignatureRefusal =
  | 'plan_unsigned'
  | 'plan_signature_malformed'
  | 'plan_signed_in_future'
  | 'plan_signature_too_old'
  | 'plan_certificate_expired'
  | 'plan_certificate_foreign'
  | 'plan_certificate_refused'
  | 'plan_author_mismatch'
  | 'plan_signature_wrong'

export type PlanSignatureVerdict =
  | { readonly ok: true; readonly authorId: string }
  | { readonly ok: false; readonly code: PlanSignatureRefusal; readonly message: string }

const MINUTE_MS = 60_000
export const DAY_MS = 86_400_000
/** How far the author's clock may be ahead of the verifier's. */
export const SIGNING_CLOCK_TOLERANCE_MS = 5 * MINUTE_MS
/** How long a signature is good for, where nobody says otherwise. */
export const DEFAULT_PLAN_SIGNATURE_MAX_AGE_DAYS = 90

/** The bytes the author signs: the tuple ("blindsum/v1/plan", plan digest, author, signedAtMs). */
export function planStatement(planDigest: Uint8Array, authorId: string, signedAtMs: number): Uint8Array {
  return encodeTuple('blindsum/v1/plan', planDigest, authorId, signedAtMs)
}

/** Signs a plan's digest. The key is the one of the chain's leaf, EC P-256: check it with `identityKeyRefusal` first. */
export function signPlan(
  planDigest: Uint8Array,
  author: { readonly spiffeId: string; readonly chain: readonly Uint8Array[]; readonly privateKey: KeyObject },
  nowMs: number,
): PlanSignature {
  const { spiffeId, chain, privateKey } = author
  const signature = signWithIdentity(privateKey, planStatement(planDigest, spiffeId, nowMs))
  return { authorId: spiffeId, signedAtMs: nowMs, certificateChain: chain, signature }
}

/**
 * Verifies `signature` over the plan with this digest, at `nowMs`, against the verifier's own `bundle`. The chain is
 * validated for the time of signing, so whoever holds the key of an expired certificate can date a signature back; that is
 * what `maxAgeMs` bounds. Nothing in a signature makes it throw.
 */
export function verifyPlanSignature(request: {
  readonly planDigest: Uint8Array
  readonly signature: PlanSignature | null
  readonly bundle: TrustBundle
  readonly nowMs: number
  readonly maxAgeMs: number
}): PlanSignatureVerdict {
  const { planDigest, signature, bundle, nowMs, maxAgeMs } = request
  if (signature === null) return refused('plan_unsigned', 'the plan is not signed; its author signs it with: plan sign')
  const { signedAtMs, certificateChain } = signature
  if (!Number.isSafeInteger(signedAtMs) || signedAtMs < 0 || signature.signature.length !== IDENTITY_SIGNATURE_BYTES) {
    const found = `a signature of ${signature.signature.length} bytes at ${signedAtMs}`
    return refused('plan_signature_malformed', `expected ${IDENTITY_SIGNATURE_BYTES} bytes and a time, found ${found}`)
  }
  const ageMs = nowMs - signedAtMs
  if (-ageMs > SIGNING_CLOCK_TOLERANCE_MS) {
    const ahead = Math.ceil(-ageMs / MINUTE_MS)
    return refused(
      'plan_signed_in_future',
      `the plan was signed ${ahead} minutes ahead of this clock: set one of the two`,
    )
  }
  if (ageMs > maxAgeMs) {
    const found = `the plan was signed ${days(ageMs)} days ago, at most ${days(maxAgeMs)} are accepted`
    return refused('plan_signature_too_old', `${found}: have it signed again`)
  }
  const verdict = validateSvid(certificateChain, bundle, signedAtMs)
  if (!verdict.ok) {
    return refused(certificateCode(verdict.code), `the certificate of the plan's author: ${verdict.message}`)
  }
  return verifyWithLeaf(planDigest, signature, verdict)
}

/**
 * Verifies that `signature` was made for the plan with this digest by the key of its own leaf, and under the leaf's name. No
 * trust bundle is asked: anybody can make such a certificate, so this finds what is broken and accepts nobody. Never throws.
 */
export function verifyWithOwnLeaf(planDigest: Uint8Array, signature: PlanSignature): PlanSignatureVerdict {
  try {
    const leaf = readCertificate(signature.certificateChain[0] ?? new Uint8Array(0))
    return verifyWithLeaf(planDigest, signature, { spiffeId: checkLeaf(leaf).text, publicKey: publicKeyOf(leaf) })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return refused('plan_certificate_refused', `the certificate of the plan's author: ${error.message}`)
  }
}

function verifyWithLeaf(
  planDigest: Uint8Array,
  { authorId, signedAtMs, signature }: PlanSignature,
  leaf: { readonly spiffeId: string; readonly publicKey: KeyObject },
): PlanSignatureVerdict {
  if (leaf.spiffeId !== authorId) {
    return refused('plan_author_mismatch', `signed as ${authorId} with the certificate of ${leaf.spiffeId}`)
  }
  if (!verifyIdentitySignature(leaf.publicKey, planStatement(planDigest, authorId, signedAtMs), signature)) {
    return refused('plan_signature_wrong', `${authorId} did not sign this plan: it was changed, or signed for another`)
  }
  return { ok: true, authorId }
}

function certificateCode(code: SvidRefusal): PlanSignatureRefusal {
  if (code === 'expired' || code === 'not_yet_valid') return 'plan_certificate_expired'
  // An authority that the bundle does not hold is another domain's, whatever name the leaf bears.
  if (code === 'trust_domain_wrong' || code === 'issuer_untrusted') return 'plan_certificate_foreign'
  return 'plan_certificate_refused'
}

function refused(code: PlanSignatureRefusal, message: string): PlanSignatureVerdict {
  return { ok: false, code, message }
}

/** Days with one decimal, rounded up: what is over a bound never reads as the bound. */
function days(ms: number): number {
  return Math.ceil((10 * ms) / DAY_MS) / 10
}
