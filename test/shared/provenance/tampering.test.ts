/** Whoever changes the folder after the fact, by as little as one bit anywhere, breaks a link that is named. */
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { decodeBundle, encodeBundle } from '../../../shared/provenance/bundle.ts'
import { makeHistory } from './history.ts'
import { newSigner, removeSigners, verifyHistory } from './verifying.ts'

afterAll(removeSigners)
const honest = newSigner()
const history = makeHistory(honest)

function withFile(path: string, change: (bytes: Uint8Array) => Uint8Array) {
  const files = new Map(history.files)
  files.set(path, change(new Uint8Array(files.get(path)!)))
  return { ...history, files }
}

/** Which link the bytes of each file hang on. */
const LINK_OF_FILE = new Map([
  ['model/model.onnx', { name: 'model', version: 3 }],
  ['provenance.sigstore.json', { name: 'provenance', version: null }],
  ['plan.json', { name: 'plan', version: 3 }],
  ...[0, 1, 2].map((version) => [`chain/000${version}.sigstore.json`, { name: 'lineage', version }] as const),
  ...[1, 2, 3].map((version) => [`sessions/000${version}.json`, { name: 'session', version }] as const),
])

describe('one bit', () => {
  test('of every file is listed here', () => {
    expect([...LINK_OF_FILE.keys()].sort()).toEqual([...history.files.keys()].sort())
  })

  test.each([...LINK_OF_FILE])('of %s', (path, link) => {
    const lengthBits = 8 * history.files.get(path)!.length
    fc.assert(
      fc.property(fc.integer({ min: 0, max: lengthBits - 1 }), (bit) => {
        const flipped = withFile(path, (bytes) => {
          bytes[bit >> 3]! ^= 1 << (bit & 7)
          return bytes
        })
        const report = verifyHistory(flipped)
        expect(report.ok).toBe(false)
        expect(report.firstBroken).toMatchObject(link)
      }),
      { numRuns: 30 },
    )
  })

  test.each([...LINK_OF_FILE])('more or less than %s', (path, link) => {
    const longer = withFile(path, (bytes) => new Uint8Array([...bytes, 0x0a]))
    expect(verifyHistory(longer).firstBroken).toMatchObject(link)
    expect(verifyHistory(withFile(path, (bytes) => bytes.slice(0, -1))).firstBroken).toMatchObject(link)
    expect(verifyHistory(withFile(path, () => new Uint8Array())).firstBroken).toMatchObject(link)
  })
})

describe('another signer', () => {
  const forger = newSigner()

  test('is not the key the reader trusts', () => {
    const forged = { ...makeHistory(forger), publicKeyPem: history.publicKeyPem }
    expect(verifyHistory(forged).firstBroken).toMatchObject({ name: 'provenance', version: null, code: 'wrong_key' })
  })

  test('under the hint of the trusted key does not verify', () => {
    const forged = makeHistory(forger)
    const files = new Map(forged.files)
    const bundle = decodeBundle(files.get('provenance.sigstore.json')!)
    if (!bundle.ok) throw new Error(bundle.problem)
    files.set('provenance.sigstore.json', encodeBundle({ ...bundle.value, keyHint: honest.keyHint }))
    const report = verifyHistory({ ...forged, files, publicKeyPem: history.publicKeyPem })
    expect(report.firstBroken).toMatchObject({ name: 'provenance', code: 'bad_signature' })
  })

  test('of one ancestor is found there', () => {
    const mixed = makeHistory(honest, { signerOf: (version) => (version === 1 ? forger : honest) })
    const report = verifyHistory(mixed)
    expect(report.firstBroken).toMatchObject({ name: 'provenance', version: 1, code: 'wrong_key' })
    expect(report.lineage.map((summary) => summary.version)).toEqual([3, 2])
  })
})

describe('pieces of another history', () => {
  const other = makeHistory(newSigner())

  test.each(['sessions/0002.json', 'chain/0001.sigstore.json', 'chain/0000.sigstore.json'])('%s', (path) => {
    const report = verifyHistory(withFile(path, () => other.files.get(path)!))
    expect(report.firstBroken).toMatchObject(LINK_OF_FILE.get(path)!)
  })

  test('an ancestor in the place of another', () => {
    const report = verifyHistory(
      withFile('chain/0002.sigstore.json', () => history.files.get('chain/0001.sigstore.json')!),
    )
    expect(report.firstBroken).toMatchObject({ name: 'lineage', version: 2, code: 'parent_provenance_differs' })
  })

  test('an older version passed off as this one', () => {
    const files = new Map(history.files)
    files.set('provenance.sigstore.json', history.files.get('chain/0002.sigstore.json')!)
    files.delete('chain/0002.sigstore.json')
    files.delete('sessions/0003.json')
    expect(verifyHistory({ ...history, files }).firstBroken).toMatchObject({ name: 'model', version: 2 })
  })
})
