/** The verifier over an honest history: every link holds. Without roots, with wrong ones, or with roots in the folder. */
import { afterAll, describe, expect, test } from 'vitest'
import { encodeTrustBundle } from '../../../shared/identity/trust-bundle.ts'
import { bundleOf, makeAuthority } from '../identity/test-pki.ts'
import { DOMAIN, makeHistory } from './history.ts'
import { newSigner, removeSigners, verifyHistory } from './verifying.ts'

afterAll(removeSigners)
const history = makeHistory(newSigner())

describe('an honest history', () => {
  test('verifies link by link back to version 0, long after its certificates expired', () => {
    const report = verifyHistory(history)
    expect(report.firstBroken).toBeNull()
    expect(report).toMatchObject({ ok: true, receipts: 'checked', version: 3 })
    expect(report.run).toEqual({ id: 'run-1', name: 'digits', builder: 'spiffe://blindsum.example/coordinator' })
    expect(report.lineage.map(({ version, survivors, ok }) => [version, survivors, ok])).toEqual([
      [3, 5, true],
      [2, 4, true],
      [1, 5, true],
      [0, null, true],
    ])
    expect(report.links.filter((link) => link.name === 'certificates')).toHaveLength(3)
  })

  test('is not enough without a trust bundle, unless the reader waives the receipts', () => {
    const unanchored = verifyHistory(history, { trustBundle: null })
    expect(unanchored).toMatchObject({ ok: false, receipts: 'not_checked' })
    expect(unanchored.firstBroken).toMatchObject({ name: 'certificates', code: 'receipts_not_checked' })
    const waived = verifyHistory(history, { trustBundle: null, receiptsWaived: true })
    expect(waived).toMatchObject({ ok: true, receipts: 'waived' })
  })
})

describe('roots', () => {
  const others = bundleOf([makeAuthority('other.example')], 'other.example')

  test('of another domain are refused', () => {
    const report = verifyHistory(history, { trustBundle: others })
    expect(report.firstBroken).toMatchObject({ name: 'certificates', version: 3, code: 'trust_domain_differs' })
  })

  test("of another domain under the sites' name are refused", () => {
    const report = verifyHistory(history, { trustBundle: { ...others, trustDomain: DOMAIN } })
    expect(report.firstBroken).toMatchObject({ name: 'certificates', version: 3, code: 'certificate_refused' })
  })

  test('inside the folder change nothing', () => {
    const files = new Map(history.files)
    files.set('trust-bundle.json', new TextEncoder().encode(encodeTrustBundle(others)))
    expect(verifyHistory({ ...history, files })).toEqual(verifyHistory(history))
    files.set('trust-bundle.json', new TextEncoder().encode(encodeTrustBundle(history.bundle)))
    expect(verifyHistory({ ...history, files }, { trustBundle: null }).ok).toBe(false)
  })
})

describe('files', () => {
  test.each(['model/other.onnx', 'model/nested/model.onnx', 'chain/0003.sigstore.json', 'sessions/0000.json'])(
    '%s is not accounted for',
    (path) => {
      const files = new Map(history.files).set(path, new Uint8Array(4))
      expect(verifyHistory({ ...history, files }).firstBroken).toMatchObject({
        name: 'folder',
        code: 'unexpected_file',
      })
    },
  )

  test.each([
    ['provenance.sigstore.json', 'provenance', null],
    ['model/model.onnx', 'model', 3],
    ['plan.json', 'plan', 3],
    ['chain/0002.sigstore.json', 'lineage', 2],
    ['chain/0000.sigstore.json', 'lineage', 0],
    ['sessions/0001.json', 'session', 1],
  ])('%s is missed by name', (path, name, version) => {
    const files = new Map(history.files)
    files.delete(path)
    expect(verifyHistory({ ...history, files }).firstBroken).toMatchObject({ name, version, code: 'file_missing' })
  })
})
