/**
 * Session records that the coordinator made up or bent, and sessions in which sites lied: the trusted key signs them, all
 * digests fit, and the lie is found at the link it belongs to.
 */
import { afterAll, describe, expect, test } from 'vitest'
import { encodeBitmap } from '../../../shared/protocol/bitmap.ts'
import type { Receipt } from '../../../shared/provenance/receipt.ts'
import type { SessionRecord } from '../../../shared/provenance/session-record.ts'
import { ecKeys, HOUR_MS, makeAuthority } from '../identity/test-pki.ts'
import type { RoundSpec } from './completed-round.ts'
import { DOMAIN, type HistoryHooks, START_MS, siteLeaf } from './history.ts'
import { testPlan } from './test-plan.ts'
import { claiming, firstBroken, happening, newSigner, recording, removeSigners } from './verifying.ts'

afterAll(removeSigners)
const signer = newSigner()
const STRANGER = `spiffe://${DOMAIN}/site/zz-stranger`

/** Replaces the last site of the round. */
function withLastSite(round: RoundSpec, site: Partial<RoundSpec['sites'][number]>) {
  return { sites: round.sites.map((one, place) => (place === 4 ? { ...one, ...site } : one)) }
}

/** Changes the receipt of the first site. */
function recordingReceipt(change: (receipt: Receipt, all: readonly Receipt[]) => Partial<Receipt>): HistoryHooks {
  return recording(({ receipts }) => ({
    receipts: receipts.map((receipt, place) => (place === 0 ? { ...receipt, ...change(receipt, receipts) } : receipt)),
  }))
}

function certificate(change: (record: SessionRecord['certificate']) => Partial<SessionRecord['certificate']>) {
  return recording(({ certificate }) => ({ certificate: { ...certificate, ...change(certificate) } }))
}

describe('session', () => {
  test.each<[string, string, HistoryHooks]>([
    [
      'another trust domain',
      'context_differs',
      happening(({ context }) => ({ context: { ...context, trustDomain: 'x' } })),
    ],
    ['another round', 'context_differs', happening(({ context }) => ({ context: { ...context, round: 1 } }))],
    ['another run', 'context_differs', happening(({ context }) => ({ context: { ...context, runId: 'run-2' } }))],
    ['a lower bound', 'context_differs', happening(({ context }) => ({ context: { ...context, minimumCohort: 2 } }))],
    [
      'a context nobody signed',
      'context_differs',
      recording(({ context }) => ({ context: { ...context, lengthLanes: 7 } })),
    ],
    ['a roster line less', 'roster_differs', recording(({ roster }) => ({ roster: roster.slice(1) }))],
    ['a roster digest of its own', 'roster_differs', recording(() => ({ rosterDigest: new Uint8Array(32) }))],
    ['one key for all sites', 'roster_differs', happening(() => ({ oneKey: true }))],
    ['more sites than enrolled', 'roster_differs', happening(withStranger)],
    ['fewer survivors than the plan demands', 'cohort_too_small', happening(() => ({ survivors: [1, 2, 3] }))],
    [
      'survivors that never shared keys',
      'survivors_differ',
      certificate(() => ({ shared: encodeBitmap([1, 2, 4], 5) })),
    ],
    ['a bitmap of another size', 'survivors_differ', certificate(() => ({ shared: encodeBitmap([1, 2, 4, 5], 9) }))],
    ['a signature less', 'quorum_refused', certificate(({ signatures }) => ({ signatures: signatures.slice(1) }))],
    [
      'a signature twice',
      'quorum_refused',
      certificate(({ signatures: [one, two, three] }) => ({ signatures: [one!, two!, three!, three!] })),
    ],
  ])('%s', (_, code, hooks) => {
    expect(firstBroken(signer, hooks)).toMatchObject({ name: 'session', version: 2, code })
  })

  test.each([
    ['one site on two lines', [1, 2, 2, 3, 4]],
    ['a line of more sites than are enrolled', [1, 2, 3, 4, 6]],
    ['lines out of order', [2, 1, 3, 4, 5]],
  ])('%s', (_, enrolments) => {
    expect(
      firstBroken(
        signer,
        happening(() => ({ enrolments })),
      ),
    ).toMatchObject({
      name: 'session',
      version: 2,
      code: 'roster_differs',
    })
  })

  test('names the field of the context that differs', () => {
    const hooks = happening(({ context }) => ({ context: { ...context, enrolledCount: 50 } }))
    expect(firstBroken(signer, hooks)?.detail).toContain('enrolledCount')
  })

  test('other survivors than the quorum certified', () => {
    const bent = certificate(() => ({ survivors: encodeBitmap([1, 2, 3, 4], 5) }))
    const hooks = { ...bent, ...claiming(() => ({ survivors: [1, 2, 3, 4] })) }
    expect(firstBroken(signer, hooks)).toMatchObject({ name: 'session', version: 2, code: 'quorum_refused' })
  })

  test('a roster that the rule has no parameters for', () => {
    const plan = testPlan(new TextEncoder().encode('model bytes of version 0'), DOMAIN, { minimumCohort: 2 })
    const small = happening(({ sites }) => ({ sites: sites.slice(0, 3), survivors: [1, 2, 3], quorum: 3 }))
    expect(firstBroken(signer, { plan, ...small })).toMatchObject({
      name: 'session',
      version: 2,
      code: 'cohort_too_small',
    })
    const enough = happening(({ sites }) => ({ sites: sites.slice(0, 4), survivors: [1, 2, 3, 4], quorum: 3 }))
    expect(firstBroken(signer, { plan, ...enough })).toBeNull()
  })
})

function withStranger({ sites }: RoundSpec, authority: Parameters<typeof siteLeaf>[0]) {
  return { sites: [...sites, { spiffeId: STRANGER, leaf: siteLeaf(authority, STRANGER) }] }
}

describe('receipts', () => {
  test.each<[string, string, HistoryHooks]>([
    ['of a site that did not survive', 'receipts_differ', recordingReceipt(() => ({ index: 3 }))],
    ['less than survivors', 'receipts_differ', recording(({ receipts }) => ({ receipts: receipts.slice(1) }))],
    [
      'of no site enrolled',
      'not_enrolled',
      happening((round, authority) => withLastSite(round, { spiffeId: STRANGER, leaf: siteLeaf(authority, STRANGER) })),
    ],
    ['out of roster order', 'roster_differs', happening(({ sites }) => ({ sites: sites.toReversed() }))],
    ['for another upload', 'contribution_refused', recordingReceipt(() => ({ digest: new Uint8Array(32) }))],
    [
      'swapped between sites',
      'contribution_refused',
      recordingReceipt((_, [, next]) => ({ digest: next!.digest, signature: next!.signature })),
    ],
    [
      'with keys the roster does not know',
      'entry_off_roster',
      recordingReceipt(({ entry }) => ({ entry: { ...entry, maskKey: new Uint8Array(32) } })),
    ],
    ['from long before the round', 'times_implausible', happening(() => ({ advertisedAtMs: START_MS - 15 * 60_000 }))],
    ['from long after the round', 'times_implausible', happening(() => ({ advertisedAtMs: START_MS + 15 * 60_000 }))],
  ])('%s', (_, code, hooks) => {
    const claimed = {
      ...hooks,
      ...claiming(({ survivors }) => ({ survivors: code === 'receipts_differ' ? [1, 2, 4, 5] : survivors })),
    }
    expect(firstBroken(signer, claimed)).toMatchObject({ name: 'receipts', version: 2, code })
  })
})

describe('certificates', () => {
  const spoiled = (spec: Parameters<typeof siteLeaf>[2]) =>
    happening((round, authority) => withLastSite(round, { leaf: siteLeaf(authority, round.sites[4]!.spiffeId, spec) }))

  test.each<[string, string, HistoryHooks]>([
    ['expired when it was used', 'certificate_refused', spoiled({ notAfter: new Date(START_MS) })],
    ['not yet valid when it was used', 'certificate_refused', spoiled({ notBefore: new Date(START_MS + HOUR_MS / 2) })],
    ['of another site', 'certificate_refused', spoiled({ uris: [`spiffe://${DOMAIN}/site/east`] })],
    [
      'of an authority of its own',
      'certificate_refused',
      happening((round) => withLastSite(round, { leaf: siteLeaf(makeAuthority(DOMAIN), round.sites[4]!.spiffeId) })),
    ],
    ['that is a CA', 'certificate_refused', spoiled({ ca: true })],
    [
      'whose key did not sign',
      'advertisement_refused',
      happening((round) => withLastSite(round, { advertiseWith: ecKeys() })),
    ],
    [
      'with a key the protocol does not know',
      'advertisement_refused',
      happening((round, authority) =>
        withLastSite(round, {
          leaf: siteLeaf(authority, round.sites[4]!.spiffeId, { keys: ecKeys('P-384') }),
          advertiseWith: ecKeys(),
        }),
      ),
    ],
  ])('%s', (_, code, hooks) => {
    expect(firstBroken(signer, hooks)).toMatchObject({ name: 'certificates', version: 2, code })
  })
})
