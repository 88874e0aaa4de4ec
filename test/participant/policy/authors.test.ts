/** Whose plans a site trains for: signed by somebody its policy names, verified with the site's own bundle. */
import { expect, test } from 'vitest'
import { refuseAuthor } from '../../../participant/policy/authors.ts'
import { patternsIn } from '../../../participant/policy/id-pattern.ts'
import { policyFile } from '../../../participant/policy/policy-file.ts'
import { DAY_MS, type PlanSignature, signPlan } from '../../../shared/plan/plan-signature.ts'
import { bundleOf, makeAuthority } from '../../shared/identity/test-pki.ts'
import { bundle, identityOf } from '../../shared/transport/hello.ts'

const AUTHOR = 'spiffe://a.example/author/ada'
const planDigest = new Uint8Array(32).fill(7)
const nowMs = Date.now()
const signed = (by = AUTHOR, atMs = nowMs) => signPlan(planDigest, identityOf(by), atMs)
const codeOf = (
  signature: PlanSignature | null,
  policy: object = {},
  trust = bundle,
  { atMs = nowMs, tookPartAtMs = 0 } = {},
) =>
  refuseAuthor(
    { planDigest, signature, tookPartSince: (ms) => tookPartAtMs >= ms },
    policyFile.parse({ planAuthors: [AUTHOR], ...policy }),
    {
      bundle: trust,
      nowMs: atMs,
    },
  )?.code ?? null

test('an author that the policy names, exactly or by a pattern', () => {
  expect(codeOf(signed())).toBe(null)
  expect(codeOf(signed(), { planAuthors: ['spiffe://a.example/author/*'] })).toBe(null)
})

test('another author, however well signed, is refused', () => {
  expect(codeOf(signed('spiffe://a.example/author/eve'))).toBe('plan_author_not_permitted')
  expect(codeOf(signed('spiffe://a.example/author/ada/lace'))).toBe('plan_author_not_permitted')
})

test('no signature, and one over another plan', () => {
  expect(codeOf(null)).toBe('plan_unsigned')
  const other = signPlan(new Uint8Array(32), identityOf(AUTHOR), nowMs)
  expect(codeOf(other)).toBe('plan_signature_wrong')
})

test('an author whom the site’s own bundle does not vouch for', () => {
  expect(codeOf(signed(), {}, bundleOf([makeAuthority()]))).toBe('plan_certificate_foreign')
})

test('a signature older than the policy bears', () => {
  const old = { atMs: nowMs + 90 * DAY_MS + 1 }
  expect(codeOf(signed(), {}, bundle, { atMs: nowMs + 90 * DAY_MS })).toBe(null)
  expect(codeOf(signed(), {}, bundle, old)).toBe('plan_signature_too_old')
  const policy = { planSignatureMaxAgeDays: 1 }
  expect(codeOf(signed(), policy, bundle, { atMs: nowMs + DAY_MS + 1 })).toBe('plan_signature_too_old')
})

test('the signature of a plan under way may grow old, and nothing else', () => {
  const atMs = nowMs + 900 * DAY_MS
  const later = { atMs, tookPartAtMs: atMs - 90 * DAY_MS }
  expect(codeOf(signed(), {}, bundle, later)).toBe(null)
  expect(codeOf(signed('spiffe://a.example/author/eve'), {}, bundle, later)).toBe('plan_author_not_permitted')
  expect(codeOf(null, {}, bundle, later)).toBe('plan_unsigned')
  const long = { atMs, tookPartAtMs: atMs - 90 * DAY_MS - 1 }
  expect(codeOf(signed(), {}, bundle, long)).toBe('plan_signature_too_old')
})

test('patterns are of a trust domain by its whole name', () => {
  const patterns = ['spiffe://a.example/*', 'spiffe://a.example.evil/x', 'spiffe://b.example/y']
  expect(patternsIn(patterns, 'a.example')).toEqual(['spiffe://a.example/*'])
})
