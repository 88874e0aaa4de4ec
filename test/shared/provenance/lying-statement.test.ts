/**
 * A coordinator that holds the trusted key and signs a statement that is not true: every digest fits, and the lie is
 * found all the same, at the link it belongs to.
 */
import { afterAll, describe, expect, test } from 'vitest'
import { HOUR_MS } from '../identity/test-pki.ts'
import { DOMAIN, type HistoryHooks, START_MS } from './history.ts'
import { testPlan } from './test-plan.ts'
import { claiming, firstBroken, happening, newSigner, removeSigners, stating } from './verifying.ts'

afterAll(removeSigners)
const signer = newSigner()
const NOTHING = new Uint8Array(32)

describe('lineage', () => {
  test.each<[string, string, HistoryHooks]>([
    ['another run id', 'run_differs', stating(() => ({ runId: 'run-2' }))],
    ['another run name', 'run_differs', stating(() => ({ runName: 'letters' }))],
    ['another builder', 'builder_differs', stating(() => ({ coordinatorId: 'spiffe://blindsum.example/other' }))],
    ['another plan', 'plan_differs', stating(() => ({ planDigest: NOTHING }))],
    ['an end after its child began', 'times_implausible', stating(() => ({ finishedAtMs: START_MS + 24 * HOUR_MS }))],
  ])('%s', (_, code, hooks) => {
    expect(firstBroken(signer, hooks)).toMatchObject({ name: 'lineage', version: 2, code })
  })

  test('an end before its beginning', () => {
    const hooks = stating((record) => ({ finishedAtMs: record.startedAtMs - 1 }))
    expect(firstBroken(signer, hooks)).toMatchObject({ name: 'provenance', version: 2, code: 'times_implausible' })
  })

  test('a parent two versions back', () => {
    const hooks = stating(({ parent }) => ({ parent: parent && { ...parent, version: 0 } }))
    expect(firstBroken(signer, hooks)).toMatchObject({ name: 'lineage', version: 1, code: 'version_out_of_order' })
  })

  test('a parent statement that is another', () => {
    const hooks = stating(({ parent }) => ({ parent: parent && { ...parent, provenanceSha256: 'ab'.repeat(32) } }))
    expect(firstBroken(signer, hooks)).toMatchObject({ name: 'lineage', version: 1, code: 'parent_provenance_differs' })
  })

  test('a parent model that the sites did not train', () => {
    const hooks = stating(({ parent }) => ({ parent: parent && { ...parent, modelSha256: 'ab'.repeat(32) } }))
    expect(firstBroken(signer, hooks)).toMatchObject({ name: 'session', version: 2, code: 'context_differs' })
  })

  test('a model that the sites trained and the parent is not', () => {
    const stated = stating(({ parent }) => ({ parent: parent && { ...parent, modelSha256: 'ab'.repeat(32) } }))
    const trained = happening(({ context }) => ({
      context: { ...context, modelDigest: new Uint8Array(32).fill(0xab) },
    }))
    const hooks = { ...stated, ...trained }
    expect(firstBroken(signer, hooks)).toMatchObject({ name: 'lineage', version: 1, code: 'parent_model_differs' })
  })
})

describe('plan', () => {
  test('other aggregation parameters', () => {
    const hooks = stating(({ aggregation }) => ({ aggregation: { ...aggregation, clipNorm: 6 } }))
    expect(firstBroken(signer, hooks)).toMatchObject({ name: 'plan', version: 2, code: 'aggregation_differs' })
  })

  test('another initial model', () => {
    const plan = testPlan(new TextEncoder().encode('another model'), DOMAIN)
    expect(firstBroken(signer, { plan })).toMatchObject({ name: 'plan', version: 0, code: 'initial_model_differs' })
  })

  test('a run under the name of another plan', () => {
    const hooks: HistoryHooks = { record: (record) => ({ ...record, runName: 'letters' }) }
    expect(firstBroken(signer, hooks)).toMatchObject({ name: 'plan', version: 3, code: 'run_differs' })
  })
})

describe('session', () => {
  test.each<[string, string, HistoryHooks]>([
    ['another record', 'session_record_differs', claiming(() => ({ recordSha256: 'ab'.repeat(32) }))],
    ['another context', 'context_differs', claiming(() => ({ contextDigest: NOTHING }))],
    ['another roster', 'roster_differs', claiming(() => ({ rosterDigest: NOTHING }))],
    ['another roster size', 'roster_differs', claiming(() => ({ rosterSize: 6 }))],
    ['other survivors', 'survivors_differ', claiming(() => ({ survivors: [1, 2, 3, 4] }))],
    ['another survivors digest', 'survivors_differ', claiming(() => ({ survivorsDigest: NOTHING }))],
  ])('%s', (_, code, hooks) => {
    expect(firstBroken(signer, hooks)).toMatchObject({ name: 'session', version: 2, code })
  })

  test.each<[string, HistoryHooks]>([
    ['a receipt less', claiming(({ receipts }) => ({ receipts: receipts.slice(1) }))],
    ['a receipt more', claiming(({ receipts }) => ({ receipts: [...receipts, receipts[0]!] }))],
    ['receipts in another order', claiming(({ receipts }) => ({ receipts: receipts.toReversed() }))],
    [
      'another receipt',
      claiming(({ receipts }) => ({ receipts: receipts.map((r) => ({ ...r, sha256: 'ab'.repeat(32) })) })),
    ],
  ])('%s', (_, hooks) => {
    expect(firstBroken(signer, hooks)).toMatchObject({ name: 'receipts', version: 2, code: 'receipts_differ' })
  })
})
