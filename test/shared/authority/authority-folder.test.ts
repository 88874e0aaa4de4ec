import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createAuthority, signSvid } from '../../../shared/authority/authority.ts'
import { initAuthority, issueSvid, showAuthority } from '../../../shared/authority/authority-folder.ts'
import { ConfigError } from '../../../shared/errors.ts'
import { certificatesFromPem } from '../../../shared/identity/pem.ts'
import { parseTrustBundle, type TrustBundle } from '../../../shared/identity/trust-bundle.ts'
import { validateSvid } from '../../../shared/identity/validate-svid.ts'
import { ecKeys } from '../identity/test-pki.ts'

const base = mkdtempSync(join(tmpdir(), 'blindsum-authority-'))
afterAll(() => rmSync(base, { recursive: true }))

let count = 0
async function freshAuthority() {
  const folder = join(base, `ca-${count++}`)
  return { folder, summary: await initAuthority({ folder, trustDomain: 'demo.example' }) }
}

async function codeOf(action: Promise<unknown>): Promise<string> {
  const error: unknown = await action.then(
    () => new Error('it passed'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ConfigError)
  return error instanceof ConfigError ? error.code : ''
}

function readBundle(path: string): TrustBundle {
  const parsed = parseTrustBundle(readFileSync(path, 'utf8'), 'demo.example')
  if (!parsed.ok) throw new Error(parsed.message)
  return parsed.bundle
}

test('what it issues passes the validator, and files are as private as they should be', async () => {
  const { folder, summary } = await freshAuthority()
  const out = join(base, 'north')
  const issued = await issueSvid({ folder, path: '/site/north', out })
  expect(summary.warning).toContain('demos and tests')
  expect(issued.spiffeId).toBe('spiffe://demo.example/site/north')
  const chain = certificatesFromPem(readFileSync(issued.certificatePath, 'utf8'))
  const verdict = validateSvid(chain, readBundle(issued.bundlePath), Date.now())
  expect(verdict).toMatchObject({ ok: true, spiffeId: issued.spiffeId, notAfterMs: issued.notAfterMs })
  expect(readBundle(summary.bundlePath)).toEqual(readBundle(issued.bundlePath))
  const modes = [issued.privateKeyPath, join(folder, 'authority.key')].map((path) => statSync(path).mode & 0o777)
  expect(modes).toEqual([0o600, 0o600])
  expect(readdirSync(out).sort()).toEqual(['bundle.json', 'svid.key', 'svid.pem'])
})

test('a second certificate replaces the first, with another key', async () => {
  const { folder } = await freshAuthority()
  const request = {
    folder,
    spiffeId: 'spiffe://demo.example/site/south',
    out: join(base, 'south'),
    lifetimeMs: 3_600_000,
  }
  const first = readFileSync((await issueSvid(request)).privateKeyPath, 'utf8')
  expect(readFileSync((await issueSvid(request)).privateKeyPath, 'utf8')).not.toBe(first)
})

test('a certificate never outlives its authority', async () => {
  const nowMs = Date.now()
  const authority = await createAuthority({ trustDomain: 'demo.example', nowMs, lifetimeMs: 100_000 })
  const keys = ecKeys()
  const der = await signSvid({ authority, spiffeId: 'spiffe://demo.example/x', publicKey: keys.publicKey, nowMs })
  const bundle = {
    trustDomain: 'demo.example',
    authorities: [authority.certificate],
    sequence: null,
    refreshHintSeconds: null,
  }
  const verdict = validateSvid([der], bundle, nowMs)
  expect(verdict.ok && verdict.notAfterMs <= nowMs + 100_000).toBe(true)
})

test('an authority is shown, and never overwritten', async () => {
  const { folder, summary } = await freshAuthority()
  expect(showAuthority({ folder })).toEqual(summary)
  const before = readFileSync(join(folder, 'authority.key'))
  expect(await codeOf(initAuthority({ folder, trustDomain: 'demo.example' }))).toBe('authority_exists')
  expect(readFileSync(join(folder, 'authority.key'))).toEqual(before)
})

describe('refused with a code', () => {
  test('a trust domain that is none', async () => {
    expect(await codeOf(initAuthority({ folder: join(base, 'x'), trustDomain: 'Demo.example' }))).toBe(
      'trust_domain_invalid',
    )
  })

  test('no authority in the folder, or a key that is not its own', async () => {
    const out = join(base, 'never')
    expect(await codeOf(issueSvid({ folder: join(base, 'absent'), path: '/x', out }))).toBe('authority_unreadable')
    const [one, other] = [await freshAuthority(), await freshAuthority()]
    chmodSync(join(one.folder, 'authority.key'), 0o600)
    writeFileSync(join(one.folder, 'authority.key'), readFileSync(join(other.folder, 'authority.key')))
    expect(await codeOf(issueSvid({ folder: one.folder, path: '/x', out }))).toBe('authority_unreadable')
  })

  test.each([
    ['another trust domain', { spiffeId: 'spiffe://other.example/x' }],
    ['a bad path', { path: '/x/../y' }],
    ['no path', {}],
    ['a lifetime of a second', { path: '/x', lifetimeMs: 1000 }],
    ['a lifetime of a year', { path: '/x', lifetimeMs: 365 * 24 * 3_600_000 }],
  ])('%s', async (_, request) => {
    const { folder } = await freshAuthority()
    expect(await codeOf(issueSvid({ folder, out: join(base, 'never'), ...request }))).toBe('svid_request_invalid')
  })

  test('a folder that cannot be made', async () => {
    const { folder } = await freshAuthority()
    const blocked = join(folder, 'authority.pem', 'out')
    expect(await codeOf(issueSvid({ folder, path: '/x', out: blocked }))).toBe('folder_unwritable')
  })
})
