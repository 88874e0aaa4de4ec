import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { encodeTrustBundle, parseTrustBundle, type TrustBundle } from '../../../shared/identity/trust-bundle.ts'
import { bundleOf, makeAuthority, makeLeaf, TRUST_DOMAIN } from './test-pki.ts'

const root = makeAuthority()
const rsaRoot = makeAuthority(TRUST_DOMAIN, { keys: generateKeyPairSync('rsa', { modulusLength: 2048 }) })
const text = encodeTrustBundle(bundleOf([root]))
const entry: Record<string, unknown> = JSON.parse(text).keys[0]

function parse(json: unknown): TrustBundle | string {
  const result = parseTrustBundle(typeof json === 'string' ? json : JSON.stringify(json), TRUST_DOMAIN)
  return result.ok ? result.bundle : result.message
}

test('what is encoded is read back', () => {
  const bundle = bundleOf([root, rsaRoot])
  expect(parse(encodeTrustBundle(bundle))).toEqual(bundle)
  const bare = { ...bundle, sequence: null, refreshHintSeconds: null, authorities: [] }
  expect(parse(encodeTrustBundle(bare))).toEqual(bare)
})

test('an entry has use and x5c and no kid', () => {
  expect(entry).toMatchObject({
    use: 'x509-svid',
    kty: 'EC',
    crv: 'P-256',
    x5c: [Buffer.from(root.der).toString('base64')],
  })
  expect(entry).not.toHaveProperty('kid')
})

test.each([
  ['another use', { ...entry, use: 'jwt-svid' }],
  ['no use', { ...entry, use: undefined }],
  ['an unknown key type', { ...entry, kty: 'OKP' }],
  ['no certificate', { ...entry, x5c: undefined }],
])('an entry with %s is ignored', (_, key) => {
  expect(parse({ keys: [key] })).toMatchObject({ authorities: [] })
})

test('only the first certificate of an entry counts', () => {
  const two = { ...entry, x5c: [...(entry.x5c as string[]), Buffer.from(rsaRoot.der).toString('base64')] }
  expect(parse({ keys: [two] })).toMatchObject({ authorities: [root.der] })
})

describe('refused', () => {
  const leaf = Buffer.from(makeLeaf(root).der).toString('base64')
  test.each<[string, unknown, string]>([
    ['no JSON', '{', 'not JSON'],
    ['a list', [], 'JSON object'],
    ['no keys', {}, '"keys"'],
    ['a key twice', text.replace('{', '{"keys":[],'), 'key "keys" stands twice'],
    ['a key twice, written otherwise', text.replace('{', '{"\\u006beys":[],'), 'key "keys" stands twice'],
    ['a key twice deep inside', text.replace('"use"', '"kty":"EC","use"'), 'key "kty" stands twice'],
    ['a fractional sequence', { spiffe_sequence: 1.5, keys: [] }, 'spiffe_sequence'],
    ['a negative hint', { spiffe_refresh_hint: -1, keys: [] }, 'spiffe_refresh_hint'],
    ['a certificate that is none', { keys: [{ ...entry, x5c: ['AAAA'] }] }, 'keys[0] is not a DER certificate'],
    ['loose base64', { keys: [{ ...entry, x5c: [` ${(entry.x5c as string[])[0]}`] }] }, 'base64'],
    ['a leaf as authority', { keys: [{ ...entry, x5c: [leaf] }] }, 'not a CA'],
    ['another key than its certificate', { keys: [{ ...entry, y: entry.x }] }, 'another key'],
    ['65 authorities', { keys: Array.from({ length: 65 }, () => entry) }, 'at most 64'],
    ['over 1 MiB', ' '.repeat(1024 * 1024 + 1), '1 MiB'],
  ])('%s', (_, json, message) => {
    expect(parse(json)).toContain(message)
  })

  test('a trust domain that is none', () => {
    expect(parseTrustBundle(text, 'A.example')).toMatchObject({ ok: false, code: 'trust_bundle_invalid' })
  })
})

test('equal keys in different objects are fine, and so are quotes and braces in strings', () => {
  expect(parse({ keys: [entry, entry], a: { keys: '"{:,\\' }, b: [{ keys: 1 }, { keys: 2 }] })).toMatchObject({
    trustDomain: TRUST_DOMAIN,
  })
})
