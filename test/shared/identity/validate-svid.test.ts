import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type SvidRefusal, validateSvid } from '../../../shared/identity/validate-svid.ts'
import {
  BOTH_USES,
  bundleOf,
  type CertificateSpec,
  ecKeys,
  HOUR_MS,
  makeAuthority,
  makeIntermediate,
  makeLeaf,
  rawExtension,
  TRUST_DOMAIN,
} from './test-pki.ts'

const root = makeAuthority()
const bundle = bundleOf([root])
const now = Date.now()
const good = makeLeaf(root)

function codeOf(chain: readonly Uint8Array[], trust = bundle, atMs = now): SvidRefusal | 'accepted' {
  const verdict = validateSvid(chain, trust, atMs)
  return verdict.ok ? 'accepted' : verdict.code
}

const uri = (...uris: string[]): CertificateSpec => ({ uris })

describe('a good SVID', () => {
  test('gives its SPIFFE ID, key, dates and serial number', () => {
    const verdict = validateSvid([good.der], bundle, now)
    const x509 = new X509Certificate(good.der)
    expect(verdict).toMatchObject({
      ok: true,
      spiffeId: 'spiffe://a.example/site/north',
      trustDomain: TRUST_DOMAIN,
      serialNumber: x509.serialNumber.toLowerCase(),
    })
    expect(verdict.ok && verdict.publicKey.equals(good.keys.publicKey)).toBe(true)
  })

  test.each<[string, CertificateSpec]>([
    ['with a DNS name beside its URI', { dnsNames: ['north.example'] }],
    ['without basic constraints', { ca: null }],
    ['without extended key usage', { extendedKeyUsage: null }],
    ['with key agreement', { keyUsage: ['digitalSignature', 'keyAgreement', 'keyEncipherment'] }],
    ['with an empty subject and a critical name', { name: '' }],
    ['with an unknown extension that is not critical', { extra: [rawExtension('1.2.3.4', false, randomBytes(4))] }],
    ['with a P-384 key', { keys: ecKeys('P-384') }],
    ['with an RSA key of 2048 bits', { keys: generateKeyPairSync('rsa', { modulusLength: 2048 }) }],
  ])('%s passes', (_, spec) => {
    expect(codeOf([makeLeaf(root, spec).der])).toBe('accepted')
  })

  test('passes with the authority at the end of its chain', () => {
    expect(codeOf([good.der, root.der])).toBe('accepted')
  })

  test('passes under an authority renewed with the same name and key, also beside the expired one', () => {
    const old = { ...root, der: makeAuthority(TRUST_DOMAIN, { keys: root.keys, notAfter: new Date(now - 1000) }).der }
    expect(codeOf([good.der], bundleOf([old, root]))).toBe('accepted')
    expect(codeOf([good.der], bundleOf([old]))).toBe('expired')
  })
})

describe('a wrong leaf is refused', () => {
  test.each<[SvidRefusal, string, CertificateSpec]>([
    ['uri_san_not_single', 'two URI names', uri('spiffe://a.example/x', 'spiffe://a.example/y')],
    ['uri_san_not_single', 'a second, other URI', uri('spiffe://a.example/x', 'https://a.example/')],
    ['uri_san_missing', 'a DNS name only', { uris: [], dnsNames: ['a.example'] }],
    ['uri_san_missing', 'no name at all', { uris: [] }],
    ['spiffe_id_invalid', 'an https URI', uri('https://a.example/x')],
    ['spiffe_id_without_path', 'no path', uri('spiffe://a.example')],
    ['spiffe_id_invalid', 'a trailing slash', uri('spiffe://a.example/x/')],
    ['spiffe_id_invalid', '..', uri('spiffe://a.example/x/../y')],
    ['spiffe_id_invalid', '%2f', uri('spiffe://a.example/x%2fy')],
    ['spiffe_id_invalid', 'a port', uri('spiffe://a.example:8443/x')],
    ['spiffe_id_invalid', 'a user', uri('spiffe://u@a.example/x')],
    ['spiffe_id_invalid', 'a query', uri('spiffe://a.example/x?y')],
    ['spiffe_id_invalid', 'a fragment', uri('spiffe://a.example/x#y')],
    ['spiffe_id_invalid', 'an upper-case trust domain', uri('spiffe://A.example/x')],
    ['spiffe_id_invalid', 'an upper-case scheme', uri('SPIFFE://a.example/x')],
    ['spiffe_id_invalid', 'a NUL', uri('spiffe://a.example/x\u0000y')],
    ['trust_domain_wrong', 'another trust domain', uri('spiffe://b.example/x')],
    ['leaf_key_usage', 'keyCertSign', { keyUsage: ['digitalSignature', 'keyCertSign'] }],
    ['leaf_key_usage', 'cRLSign', { keyUsage: ['digitalSignature', 'cRLSign'] }],
    ['leaf_key_usage', 'no digitalSignature', { keyUsage: ['keyAgreement'] }],
    ['key_usage_missing', 'no key usage', { keyUsage: null }],
    ['key_usage_not_critical', 'a key usage that is not critical', { keyUsageCritical: false }],
    ['leaf_is_ca', 'the CA flag', { ca: true }],
    ['extended_key_usage', 'client authentication only', { extendedKeyUsage: [BOTH_USES[1]] }],
    ['extended_key_usage', 'server authentication only', { extendedKeyUsage: [BOTH_USES[0]] }],
    ['san_not_critical', 'an empty subject and a name that is not critical', { name: '', sanCritical: false }],
    ['leaf_constrains_names', 'name constraints', { permittedUris: ['a.example'] }],
    ['expired', 'a past end', { notAfter: new Date(now - 1000) }],
    ['not_yet_valid', 'a future start', { notBefore: new Date(now + HOUR_MS / 2) }],
    [
      'extension_critical_unknown',
      'an unknown critical extension',
      { extra: [rawExtension('1.2.3.4', true, randomBytes(4))] },
    ],
    [
      'extension_repeated',
      'one extension twice',
      { extra: [rawExtension('2.5.29.19', true, new Uint8Array([0x30, 0]))] },
    ],
    [
      'certificate_malformed',
      'an extension that is not DER',
      { ca: null, extra: [rawExtension('2.5.29.19', true, randomBytes(9))] },
    ],
    ['certificate_version', 'version 1', { version: 0 }],
    ['key_unsupported', 'an Ed25519 key', { keys: generateKeyPairSync('ed25519') }],
    ['key_unsupported', 'an RSA key of 1024 bits', { keys: generateKeyPairSync('rsa', { modulusLength: 1024 }) }],
    ['key_unsupported', 'a P-521 key', { keys: ecKeys('P-521') }],
    ['key_unsupported', 'a key on another curve', { keys: ecKeys('secp256k1') }],
    ['signature_algorithm_unsupported', 'a SHA-1 signature', { hash: 'sha1' }],
    ['chain_too_large', '17 KiB', { extra: [rawExtension('1.2.3.4', false, randomBytes(17 * 1024))] }],
  ])('%s: %s', (code, _, spec) => {
    expect(codeOf([makeLeaf(root, spec).der])).toBe(code)
  })

  test('the authority itself', () => {
    expect(codeOf([root.der])).toBe('leaf_is_ca')
  })

  test('self-signed', () => {
    const keys = ecKeys()
    expect(codeOf([makeLeaf({ keys, name: root.name }, { keys }).der])).toBe('issuer_untrusted')
  })

  test('signed by an authority of another trust domain, for this one', () => {
    const other = makeAuthority('b.example')
    expect(codeOf([makeLeaf(other).der])).toBe('issuer_untrusted')
    expect(codeOf([makeLeaf(other).der, other.der])).toBe('issuer_untrusted')
  })

  test('every one, once its trust domain has no authority left', () => {
    expect(codeOf([good.der], bundleOf([]))).toBe('issuer_untrusted')
  })

  test('one bit changed anywhere', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: good.der.length * 8 - 1 }), (bit) => {
        const altered = good.der.slice()
        altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(codeOf([altered])).not.toBe('accepted')
      }),
      { numRuns: 400 },
    )
  })
})

describe('a path through intermediates', () => {
  const intermediate = makeIntermediate(root)
  const leaf = makeLeaf(intermediate)

  test('passes, in order, and holds until its first certificate expires', () => {
    expect(codeOf([leaf.der, intermediate.der])).toBe('accepted')
    const shortLived = makeIntermediate(root, { notAfter: new Date(now + 10_000) })
    const verdict = validateSvid([makeLeaf(shortLived).der, shortLived.der], bundle, now)
    expect(verdict.ok && verdict.notAfterMs).toBe(Math.floor((now + 10_000) / 1000) * 1000)
  })

  test.each<[SvidRefusal, CertificateSpec]>([
    ['issuer_is_not_ca', { ca: false }],
    ['issuer_is_not_ca', { ca: null }],
    ['issuer_key_usage', { keyUsage: ['digitalSignature'] }],
    ['key_usage_missing', { keyUsage: null }],
    ['key_usage_not_critical', { keyUsageCritical: false }],
    ['extended_key_usage', { extendedKeyUsage: [BOTH_USES[0]] }],
    ['issuer_spiffe_id', { uris: ['spiffe://a.example/ca'] }],
    ['expired', { notAfter: new Date(now - 1000) }],
    ['not_yet_valid', { notBefore: new Date(now + 1000) }],
    ['extension_critical_unknown', { extra: [rawExtension('1.2.3.4', true, randomBytes(4))] }],
    ['name_constraint_violated', { permittedUris: ['b.example'] }],
    ['name_constraint_violated', { excludedUris: ['.example'] }],
    ['name_constraint_unsupported', { permittedDns: ['a.example'] }],
    ['key_unsupported', { keys: generateKeyPairSync('rsa', { modulusLength: 1024 }) }],
  ])('%s: %o', (code, spec) => {
    const bad = makeIntermediate(root, spec)
    expect(codeOf([makeLeaf(bad).der, bad.der])).toBe(code)
  })

  test('passes where name constraints permit its trust domain', () => {
    const narrow = makeIntermediate(root, { permittedUris: ['a.example', '.b.example'], excludedUris: ['.a.example'] })
    expect(codeOf([makeLeaf(narrow).der, narrow.der])).toBe('accepted')
  })

  test('is refused when a leaf acts as a CA', () => {
    const pretender = makeLeaf(root)
    expect(codeOf([makeLeaf(pretender).der, pretender.der])).toBe('issuer_is_not_ca')
  })

  test('is refused when longer than a CA permits', () => {
    const narrow = makeAuthority(TRUST_DOMAIN, { pathLength: 0 })
    const middle = makeIntermediate(narrow)
    expect(codeOf([makeLeaf(narrow).der], bundleOf([narrow]))).toBe('accepted')
    expect(codeOf([makeLeaf(middle).der, middle.der], bundleOf([narrow]))).toBe('path_length_exceeded')
  })

  test('is refused with a gap, out of order or with a certificate that has no part in it', () => {
    expect(codeOf([leaf.der])).toBe('issuer_untrusted')
    const lower = makeIntermediate(intermediate)
    const low = makeLeaf(lower)
    expect(codeOf([low.der, lower.der, intermediate.der])).toBe('accepted')
    expect(codeOf([low.der, intermediate.der, lower.der])).toBe('issuer_untrusted')
    expect(codeOf([leaf.der, intermediate.der, makeAuthority('b.example').der])).toBe('issuer_untrusted')
  })

  test('is refused when an intermediate of the same name has another key', () => {
    const impostor = makeIntermediate(root, { name: intermediate.name })
    expect(codeOf([leaf.der, impostor.der])).toBe('issuer_untrusted')
  })
})

describe('hostile bytes get a code, never a crash', () => {
  test('no certificate, too many, too much', () => {
    expect(codeOf([])).toBe('chain_empty')
    expect(codeOf(Array.from({ length: 9 }, () => good.der))).toBe('chain_too_long')
    expect(codeOf([good.der, new Uint8Array(17 * 1024)])).toBe('chain_too_large')
    expect(codeOf(Array.from({ length: 5 }, () => new Uint8Array(14 * 1024)))).toBe('chain_too_large')
  })

  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['PEM instead of DER', Buffer.from(new X509Certificate(good.der).toString())],
    ['bytes after the certificate', Buffer.concat([good.der, Buffer.from([0])])],
    ['a cut certificate', good.der.slice(0, -1)],
    ['an indefinite length', Buffer.from([0x30, 0x80, 0, 0])],
    ['deep nesting', Buffer.from([0x30, 0x82, 0x0f, 0xfc, ...Array<number>(4092).fill(0x30)])],
  ])('%s', (_, bytes) => {
    expect(codeOf([bytes])).toBe('certificate_malformed')
  })

  test('random bytes, alone and behind a good leaf', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        expect(codeOf([bytes])).toBe('certificate_malformed')
        expect(codeOf([good.der, bytes])).toBe('certificate_malformed')
      }),
    )
  })

  test('a certificate that is BER though properly signed, or whose signature has unused bits', () => {
    const padded = makeLeaf(root, { alterTbs: padLength })
    expect(new X509Certificate(padded.der).verify(root.keys.publicKey)).toBe(true)
    expect(codeOf([padded.der])).toBe('certificate_malformed')
    let odd = makeLeaf(root).der
    while (((odd.at(-1) ?? 0) & 1) === 0) odd = makeLeaf(root).der
    odd[odd.lastIndexOf(0x30, odd.length - 64) - 1] = 1
    expect(codeOf([odd])).toBe('certificate_malformed')
  })

  test('bytes behind the value of an extension', () => {
    const loose = rawExtension('2.5.29.19', true, Uint8Array.from([0x30, 0, 5, 0]))
    expect(codeOf([makeLeaf(root, { ca: null, extra: [loose] }).der])).toBe('certificate_malformed')
  })

  test('times no calendar has', () => {
    expect(codeOf([good.der], bundle, Number.NaN)).toBe('not_yet_valid')
    expect(codeOf([good.der], bundle, -1e300)).toBe('not_yet_valid')
    expect(codeOf([good.der], bundle, 1e300)).toBe('expired')
  })
})

/** Writes the length of a SEQUENCE of 256 bytes or more with one byte too many: BER, no longer DER. */
function padLength(tbs: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([0x30, 0x83, 0]), tbs.subarray(2)])
}
