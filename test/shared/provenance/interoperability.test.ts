/**
 * The same bundle, verified by code that is not ours: openssl over the PAE as docs/provenance.md tells a reader to do by
 * hand, and sigstore-js. openssl is no dependency of this package: where it is absent, the test says so and leaves it out.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundleFromJSON, type SerializedBundle } from '@sigstore/bundle'
import { toSignedEntity, Verifier } from '@sigstore/verify'
import { afterAll, describe, expect, test } from 'vitest'
import { sha256Hex } from '../../../shared/crypto/digest.ts'
import { makeHistory } from './history.ts'
import { newFolder, newSigner, removeSigners } from './verifying.ts'

afterAll(removeSigners)
const signer = newSigner()
const history = makeHistory(signer)
const bundleBytes = history.files.get('provenance.sigstore.json')!
const bundle = JSON.parse(new TextDecoder().decode(bundleBytes)) as SerializedBundle
const opensslFound = spawnSync('openssl', ['version']).status === 0
if (!opensslFound) console.info('openssl is not installed: the tests that call it are left out')

test('names its key by the SHA-256 of the PEM file', () => {
  const { hint } = bundle.verificationMaterial.publicKey!
  expect(hint).toBe(sha256Hex(new Uint8Array(readFileSync(signer.publicKeyFile))))
  expect(bundle.dsseEnvelope!.signatures).toEqual([{ keyid: '', sig: expect.any(String) }])
  expect(bundle.mediaType).toBe('application/vnd.dev.sigstore.bundle.v0.3+json')
})

describe.runIf(opensslFound)('openssl', () => {
  const recipe = /```sh\n(# Verify by hand[\s\S]*?)```/.exec(readFileSync('docs/provenance.md', 'utf8'))?.[1] ?? ''

  function runRecipe(change: (bytes: Uint8Array) => Uint8Array) {
    const folder = newFolder()
    writeFileSync(join(folder, 'provenance.sigstore.json'), change(bundleBytes))
    writeFileSync(join(folder, 'coordinator.pub.pem'), history.publicKeyPem)
    return spawnSync('sh', ['-e', '-c', recipe], { cwd: folder, encoding: 'utf8' })
  }

  test('verifies the bundle by the recipe in the documentation', () => {
    const run = runRecipe((bytes) => bytes)
    expect(run.stderr).toBe('')
    expect(run.stdout).toContain('Verified OK')
    expect(run.stdout).toContain('"_type":"https://in-toto.io/Statement/v1"')
  })

  test('refuses the same bundle with another payload', () => {
    const run = runRecipe((bytes) => {
      const altered = structuredClone(bundle)
      const statement = Buffer.from(altered.dsseEnvelope!.payload, 'base64')
        .toString()
        .replace('"version":3', '"version":4')
      expect(bytes.length).toBeGreaterThan(0)
      altered.dsseEnvelope!.payload = Buffer.from(statement).toString('base64')
      return new TextEncoder().encode(JSON.stringify(altered))
    })
    expect(run.status).not.toBe(0)
    expect(run.stdout).not.toContain('Verified OK')
  })

  test('reads the key file', () => {
    const text = execFileSync('openssl', ['pkey', '-pubin', '-in', signer.publicKeyFile, '-noout', '-text'], {
      encoding: 'utf8',
    })
    expect(text).toContain('prime256v1')
  })
})

describe('sigstore-js', () => {
  const trusted = {
    certificateAuthorities: [],
    timestampAuthorities: [],
    tlogs: [],
    ctlogs: [],
    publicKey: () => ({ publicKey: createPublicKey(history.publicKeyPem), validFor: () => true }),
  }
  const verifier = new Verifier(trusted, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 })

  test('verifies every bundle of the chain', () => {
    const bundles = [...history.files].filter(([path]) => path.endsWith('.sigstore.json'))
    expect(bundles).toHaveLength(4)
    for (const [, bytes] of bundles) {
      const parsed = bundleFromJSON(JSON.parse(new TextDecoder().decode(bytes)))
      expect(() => verifier.verify(toSignedEntity(parsed))).not.toThrow()
    }
  })

  test('refuses an altered one', () => {
    const altered = structuredClone(bundle)
    const payload = Buffer.from(altered.dsseEnvelope!.payload, 'base64')
    payload[20]! ^= 1
    altered.dsseEnvelope!.payload = payload.toString('base64')
    expect(() => verifier.verify(toSignedEntity(bundleFromJSON(altered)))).toThrow()
  })
})
