/** The signing key's files and the signer's refusals; what it signs is verified in test/shared/provenance. */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createSigner } from '../../../coordinator/provenance/signer.ts'
import { ConfigError, InvariantError } from '../../../shared/errors.ts'
import { decodeBundle } from '../../../shared/provenance/bundle.ts'
import { preAuthEncoding } from '../../../shared/provenance/dsse.ts'
import { readStatement } from '../../../shared/provenance/read-statement.ts'
import { firstVersion } from '../../shared/provenance/version-records.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signer-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function codeOf(work: () => unknown): string {
  try {
    work()
    return 'nothing thrown'
  } catch (error) {
    return error instanceof ConfigError ? error.code : String(error)
  }
}

describe('the key', () => {
  test('is made once, readable by its owner only, with the public key beside it', () => {
    const keyFile = join(folder, 'keys', 'signer.pem')
    const signer = createSigner({ keyFile })
    expect(statSync(keyFile).mode & 0o777).toBe(0o600)
    expect(signer.publicKeyFile).toBe(join(folder, 'keys', 'signer.pub.pem'))
    expect(readFileSync(signer.publicKeyFile, 'utf8')).toBe(signer.publicKeyPem)
    expect(signer.keyHint).toBe(createHash('sha256').update(signer.publicKeyPem).digest('hex'))
    expect(createPublicKey(signer.publicKeyPem).asymmetricKeyDetails?.namedCurve).toBe('prime256v1')
    expect(readdirSync(join(folder, 'keys')).sort()).toEqual(['signer.pem', 'signer.pub.pem'])
    expect(createSigner({ keyFile }).publicKeyPem).toBe(signer.publicKeyPem)
  })

  test('gets its public file again when that was lost', () => {
    const keyFile = join(folder, 'signer.pem')
    const { publicKeyFile, publicKeyPem } = createSigner({ keyFile })
    rmSync(publicKeyFile)
    createSigner({ keyFile })
    expect(readFileSync(publicKeyFile, 'utf8')).toBe(publicKeyPem)
  })

  const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()
  test.each<[string, () => string]>([
    ['on another curve', () => pem(generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).privateKey)],
    ['of another kind', () => pem(generateKeyPairSync('ed25519').privateKey)],
    [
      'that is public',
      () =>
        generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
          .publicKey.export({ type: 'spki', format: 'pem' })
          .toString(),
    ],
    ['that is no key', () => 'hello'],
    ['that is empty', () => ''],
  ])('%s is refused', (_, content) => {
    const keyFile = join(folder, 'signer.pem')
    writeFileSync(keyFile, content(), { mode: 0o600 })
    expect(codeOf(() => createSigner({ keyFile }))).toBe('bad_signing_key')
  })

  test('that others can read is refused', () => {
    const keyFile = join(folder, 'signer.pem')
    createSigner({ keyFile })
    chmodSync(keyFile, 0o640)
    expect(codeOf(() => createSigner({ keyFile }))).toBe('bad_signing_key')
  })

  test('beside the public key of another is refused', () => {
    const keyFile = join(folder, 'signer.pem')
    const { publicKeyFile } = createSigner({ keyFile })
    writeFileSync(publicKeyFile, createSigner({ keyFile: join(folder, 'other.pem') }).publicKeyPem)
    expect(codeOf(() => createSigner({ keyFile }))).toBe('bad_signing_key')
  })

  test('in a place that cannot be written is refused', () => {
    writeFileSync(join(folder, 'file'), '')
    expect(codeOf(() => createSigner({ keyFile: join(folder, 'file', 'signer.pem') }))).toBe('bad_signing_key')
  })
})

describe('a signature', () => {
  test('covers the statement of the record', () => {
    const signer = createSigner({ keyFile: join(folder, 'signer.pem') })
    const record = firstVersion()
    const bundle = decodeBundle(signer.signVersion(record))
    if (!bundle.ok) throw new Error(bundle.problem)
    const { payloadType, payload, signature } = bundle.value.envelope
    expect(verify('sha256', preAuthEncoding(payloadType, payload), signer.publicKeyPem, signature)).toBe(true)
    expect(readStatement(payload)).toEqual({ ok: true, value: record })
  })

  test.each([
    ['a metric that is no number', { metrics: { loss: Number.NaN } }],
    ['a metric with another name', { metrics: { __proto__x: 1 } }],
    [
      'a parent of version 0',
      { parent: { version: 0, modelSha256: 'ab'.repeat(32), provenanceSha256: 'ab'.repeat(32) } },
    ],
    ['version 1 without a parent', { version: 1 }],
    ['a digest that is none', { model: { name: 'model.onnx', sha256: 'ab', bytes: 1 } as const }],
  ])('is not given to %s', (_, change) => {
    const signer = createSigner({ keyFile: join(folder, 'signer.pem') })
    expect(() => signer.signVersion({ ...firstVersion(), ...change })).toThrow(InvariantError)
  })
})
