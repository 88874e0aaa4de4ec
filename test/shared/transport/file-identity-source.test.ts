import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { initAuthority, issueSvid } from '../../../shared/authority/authority-folder.ts'
import { ConfigError } from '../../../shared/errors.ts'
import { certificatesToPem } from '../../../shared/identity/pem.ts'
import { encodeTrustBundle } from '../../../shared/identity/trust-bundle.ts'
import { fileIdentitySource } from '../../../shared/transport/file-identity-source.ts'
import type { IdentityFiles } from '../../../shared/transport/load-identity.ts'
import {
  bundleOf,
  type CertificateSpec,
  makeAuthority,
  makeIntermediate,
  makeLeaf,
  TRUST_DOMAIN,
} from '../identity/test-pki.ts'

const base = mkdtempSync(join(tmpdir(), 'blindsum-identity-'))
afterAll(() => rmSync(base, { recursive: true }))

const root = makeAuthority()
let folder = ''
let files: IdentityFiles = { certificate: '', privateKey: '', trustBundle: '' }
let count = 0
beforeEach(() => {
  folder = join(base, `${count++}`)
  mkdirSync(folder)
  files = { certificate: join(folder, 'a.pem'), privateKey: join(folder, 'a.key'), trustBundle: join(folder, 'b.json') }
  writeIdentity()
})

function writeIdentity(spec: CertificateSpec = {}): void {
  const leaf = makeLeaf(root, spec)
  writeFileSync(files.privateKey, leaf.keys.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  writeFileSync(files.certificate, certificatesToPem([leaf.der]))
  writeFileSync(files.trustBundle, encodeTrustBundle(bundleOf([root])))
}

function codeOf(asked: Partial<IdentityFiles> = {}): string {
  try {
    fileIdentitySource({ ...files, ...asked }).close()
    return 'accepted'
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as ConfigError).code
  }
}

test('what `ca issue` writes can be used', async () => {
  await initAuthority({ folder: join(folder, 'ca'), trustDomain: 'demo.example' })
  const issued = await issueSvid({ folder: join(folder, 'ca'), path: '/site/north', out: join(folder, 'out') })
  const { certificatePath: certificate, privateKeyPath: privateKey, bundlePath: trustBundle } = issued
  const source = fileIdentitySource({ certificate, privateKey, trustBundle })
  expect(source.current()).toMatchObject({ spiffeId: issued.spiffeId, notAfterMs: issued.notAfterMs })
  expect(source.current().bundle.trustDomain).toBe('demo.example')
  source.close()
})

test('a chain through an intermediate and a PEM bundle can be used', () => {
  const middle = makeIntermediate(root)
  const leaf = makeLeaf(middle)
  writeFileSync(files.privateKey, leaf.keys.privateKey.export({ type: 'sec1', format: 'pem' }))
  writeFileSync(files.certificate, certificatesToPem([leaf.der, middle.der]))
  writeFileSync(files.trustBundle, certificatesToPem([root.der]))
  const source = fileIdentitySource({ ...files, trustDomain: TRUST_DOMAIN })
  expect(source.current().chain).toEqual([leaf.der, middle.der])
  source.close()
})

describe('refused with a code', () => {
  test('an absent file', () => {
    for (const what of ['certificate', 'privateKey', 'trustBundle']) {
      expect(codeOf({ [what]: join(folder, 'absent') })).toBe('identity_file_unreadable')
    }
  })

  test.each<[string, CertificateSpec]>([
    ['certificate_expired', { notAfter: new Date(Date.now() - 1000) }],
    ['certificate_not_yet_valid', { notBefore: new Date(Date.now() + 60_000) }],
    ['certificate_uri_san_not_single', { uris: ['spiffe://a.example/x', 'spiffe://a.example/y'] }],
    ['certificate_uri_san_missing', { uris: [], dnsNames: ['a.example'] }],
    ['certificate_issuer_untrusted', { uris: ['spiffe://b.example/x'] }],
  ])('%s', (code, spec) => {
    if (code === 'certificate_issuer_untrusted')
      writeFileSync(files.trustBundle, encodeTrustBundle(bundleOf([makeAuthority()])))
    else writeIdentity(spec)
    expect(codeOf()).toBe(code)
  })

  test('another trust domain than configured', () => {
    expect(codeOf({ trustDomain: 'b.example' })).toBe('certificate_trust_domain_wrong')
  })

  test('files that hold something else', () => {
    expect(codeOf({ certificate: files.privateKey })).toBe('certificate_unreadable')
    expect(codeOf({ privateKey: files.trustBundle })).toBe('private_key_exposed')
    chmodSync(files.trustBundle, 0o600)
    expect(codeOf({ privateKey: files.trustBundle })).toBe('private_key_unreadable')
    writeFileSync(files.trustBundle, '{}')
    expect(codeOf()).toBe('trust_bundle_invalid')
    writeFileSync(files.trustBundle, certificatesToPem([makeLeaf(root).der]))
    expect(codeOf()).toBe('trust_bundle_invalid')
  })

  test('a key of another certificate, or one that everybody can read', () => {
    const other = makeLeaf(root).keys.privateKey
    chmodSync(files.privateKey, 0o644)
    expect(codeOf()).toBe('private_key_exposed')
    chmodSync(files.privateKey, 0o600)
    writeFileSync(files.privateKey, other.export({ type: 'pkcs8', format: 'pem' }))
    expect(codeOf()).toBe('private_key_mismatch')
  })
})

describe('files that change', () => {
  test('a whole new set is taken and told; a broken one keeps the old and is reported once', async () => {
    const problems: string[] = []
    const source = fileIdentitySource(files, { pollMs: 10, onProblem: (problem) => problems.push(problem.code) })
    const told: string[] = []
    const stop = source.onChange((identity) => told.push(identity.spiffeId))
    writeIdentity({ uris: ['spiffe://a.example/site/renewed'] })
    await vi.waitFor(() => expect(told).toEqual(['spiffe://a.example/site/renewed']))

    const kept = join(folder, 'kept.key')
    copyFileSync(files.privateKey, kept)
    writeFileSync(files.privateKey, makeLeaf(root).keys.privateKey.export({ type: 'pkcs8', format: 'pem' }))
    await vi.waitFor(() => expect(problems).toEqual(['private_key_mismatch']))
    expect(source.current().spiffeId).toBe('spiffe://a.example/site/renewed')

    copyFileSync(kept, files.privateKey)
    await vi.waitFor(() => expect(told).toHaveLength(2))
    stop()
    source.close()
    expect(problems).toHaveLength(1)
  })
})
