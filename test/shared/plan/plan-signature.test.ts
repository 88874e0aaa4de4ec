/** Signed plans, with real certificates: who answers for a plan, and every way in which nobody does. */
import { describe, expect, test } from 'vitest'
import { planDigest } from '../../../shared/plan/plan-document.ts'
import {
  DAY_MS,
  type PlanSignature,
  planStatement,
  SIGNING_CLOCK_TOLERANCE_MS,
  signPlan,
  verifyPlanSignature,
} from '../../../shared/plan/plan-signature.ts'
import {
  planSignatureForm,
  planSignatureFromForm,
  planSignatureToForm,
} from '../../../shared/plan/plan-signature-form.ts'
import { makePlan, planDocumentOf } from '../../coordinator/integration/plans.ts'
import { bundleOf, type CertificateSpec, type Issuer, makeAuthority, makeLeaf } from '../identity/test-pki.ts'

const NOW_MS = Date.now()
const AUTHOR = 'spiffe://a.example/author/bea'
const MAX_AGE_MS = 90 * DAY_MS
const root = makeAuthority()
const document = planDocumentOf(makePlan())
const digest = planDigest(document)

interface Signing {
  readonly authorId?: string
  readonly spec?: CertificateSpec
  readonly issuer?: Issuer
  readonly digest?: Uint8Array
  readonly atMs?: number
}

/** A certificate that covers the years around now, so that only what a test changes is wrong. */
const LONG: CertificateSpec = { notBefore: new Date(NOW_MS - 400 * DAY_MS), notAfter: new Date(NOW_MS + 400 * DAY_MS) }

function signed({ authorId = AUTHOR, spec = {}, issuer = longRoot, ...rest }: Signing = {}): PlanSignature {
  const leaf = makeLeaf(issuer, { ...LONG, uris: [AUTHOR], ...spec })
  const author = { spiffeId: authorId, chain: [leaf.der], privateKey: leaf.keys.privateKey }
  return signPlan(rest.digest ?? digest, author, rest.atMs ?? NOW_MS)
}

const longRoot = makeAuthority('a.example', LONG)
const bundle = bundleOf([longRoot])
const verdictOn = (signature: PlanSignature | null, planDigestBytes = digest, nowMs = NOW_MS) =>
  verifyPlanSignature({ planDigest: planDigestBytes, signature, bundle, nowMs, maxAgeMs: MAX_AGE_MS })
const codeOf = (...request: Parameters<typeof verdictOn>) => {
  const verdict = verdictOn(...request)
  return verdict.ok ? null : verdict.code
}

test('a plan signed by its author names the author', () => {
  expect(verdictOn(signed())).toEqual({ ok: true, authorId: AUTHOR })
})

test('what is signed is the tuple of label, digest, author and time', () => {
  const field = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes])
  const label = Buffer.from('blindsum/v1/plan')
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(1_790_000_000_000n)
  const expected = Buffer.concat([
    Buffer.from([0, label.length]),
    label,
    field(Buffer.from(digest)),
    field(Buffer.from(AUTHOR)),
    field(time),
  ])
  expect(Buffer.from(planStatement(digest, AUTHOR, 1_790_000_000_000))).toEqual(expected)
})

describe('is refused', () => {
  test('without a signature', () => {
    expect(codeOf(null)).toBe('plan_unsigned')
  })

  test('with one byte of the plan changed', () => {
    for (const place of [0, document.length >> 1, document.length - 1]) {
      const changed = document.slice()
      changed[place]! ^= 1
      expect(codeOf(signed(), planDigest(changed))).toBe('plan_signature_wrong')
    }
  })

  test('with another time, or a signature by another key', () => {
    expect(codeOf({ ...signed(), signedAtMs: NOW_MS - 1 })).toBe('plan_signature_wrong')
    expect(codeOf({ ...signed(), signature: signed().signature })).toBe('plan_signature_wrong')
    const flipped = signed().signature.slice()
    flipped[5]! ^= 1
    expect(codeOf({ ...signed(), signature: flipped })).toBe('plan_signature_wrong')
  })

  test('in the name of somebody else than the certificate', () => {
    expect(codeOf(signed({ authorId: 'spiffe://a.example/author/eve' }))).toBe('plan_author_mismatch')
  })

  test.each<[string, Signing]>([
    ['that had ended when it signed', { spec: { notAfter: new Date(NOW_MS - 2000) } }],
    ['that had not begun', { spec: { notBefore: new Date(NOW_MS + 2000) } }],
  ])('with a certificate %s', (_what, signing) => {
    expect(codeOf(signed(signing))).toBe('plan_certificate_expired')
  })

  test('with a certificate of another trust domain, or of an authority that merely bears our name', () => {
    const foreign = makeAuthority('b.example', LONG)
    const theirs = { issuer: foreign, authorId: 'spiffe://b.example/author/bea' }
    expect(codeOf(signed({ ...theirs, spec: { uris: [theirs.authorId] } }))).toBe('plan_certificate_foreign')
    expect(codeOf(signed({ issuer: root }))).toBe('plan_certificate_foreign')
  })

  test('with a certificate that is none of a workload', () => {
    expect(codeOf(signed({ spec: { ca: true } }))).toBe('plan_certificate_refused')
    expect(codeOf({ ...signed(), certificateChain: [] })).toBe('plan_certificate_refused')
    expect(codeOf({ ...signed(), certificateChain: [new Uint8Array(9)] })).toBe('plan_certificate_refused')
  })

  test('when it is dated too far ahead', () => {
    const atMs = NOW_MS + SIGNING_CLOCK_TOLERANCE_MS
    expect(codeOf(signed({ atMs }))).toBe(null)
    expect(codeOf(signed({ atMs: atMs + 1 }))).toBe('plan_signed_in_future')
  })

  test('when it is too old', () => {
    const atMs = NOW_MS - MAX_AGE_MS
    expect(codeOf(signed({ atMs }))).toBe(null)
    expect(codeOf(signed({ atMs: atMs - 1 }))).toBe('plan_signature_too_old')
  })

  test.each([
    ['a time that is none', { signedAtMs: Number.NaN }],
    ['a time before all times', { signedAtMs: -1 }],
    ['a fraction of a time', { signedAtMs: 0.5 }],
    ['a signature too short', { signature: new Uint8Array(63) }],
    ['no signature bytes', { signature: new Uint8Array(0) }],
  ])('with %s', (_what, changes) => {
    expect(codeOf({ ...signed(), ...changes })).toBe('plan_signature_malformed')
  })
})

test('a certificate that has ended since does not undo what was signed with it', () => {
  const atMs = NOW_MS - 2 * DAY_MS
  const signature = signed({ atMs, spec: { notAfter: new Date(NOW_MS - DAY_MS) } })
  expect(codeOf(signature)).toBe(null)
})

describe('the written form', () => {
  test('is read back as it was written', () => {
    const signature = signed()
    const form = planSignatureForm.parse(JSON.parse(JSON.stringify(planSignatureToForm(signature))))
    expect(planSignatureFromForm(form)).toEqual(signature)
  })

  test.each([
    ['an unknown field', { more: 1 }],
    ['no author', { authorId: '' }],
    ['bytes that are no base64', { signature: '!!!!' }],
    ['a signature that is too long', { signature: Buffer.alloc(300).toString('base64') }],
    ['more certificates than a chain has', { certificateChain: Array.from({ length: 9 }, () => 'AAAA') }],
    ['no certificate', { certificateChain: [] }],
    ['a time as text', { signedAtMs: '1' }],
  ])('is refused with %s', (_what, changes) => {
    expect(planSignatureForm.safeParse({ ...planSignatureToForm(signed()), ...changes }).success).toBe(false)
  })
})
