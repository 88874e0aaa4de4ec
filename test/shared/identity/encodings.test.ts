import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvariantError } from '../../../shared/errors.ts'
import { isDerSequence, splitDerChain } from '../../../shared/identity/der.ts'
import {
  identityKeyRefusal,
  signWithIdentity,
  verifyIdentitySignature,
} from '../../../shared/identity/identity-signature.ts'
import { certificatesFromPem, certificatesToPem } from '../../../shared/identity/pem.ts'
import { ecKeys, makeAuthority, makeLeaf } from './test-pki.ts'

const root = makeAuthority()
const chain = [makeLeaf(root).der, root.der]

describe('DER and PEM chains', () => {
  test('both forms are read back', () => {
    expect(splitDerChain(Buffer.concat(chain))).toEqual(chain)
    expect(certificatesFromPem(`text\n${certificatesToPem(chain)}more`)).toEqual(chain)
    expect(splitDerChain(new Uint8Array())).toEqual([])
  })

  test('a cut or mixed chain is refused', () => {
    expect(splitDerChain(Buffer.concat(chain).subarray(0, -1))).toBeNull()
    expect(splitDerChain(Buffer.concat([...chain, Buffer.from([2, 0])]))).toBeNull()
  })

  test.each([
    ['empty sequence', [0x30, 0], true],
    ['other tag', [0x31, 0], false],
    ['padded length', [0x30, 0x81, 1, 0], false],
    ['padded long length', [0x30, 0x82, 0, 0x80], false],
    ['length beyond the end', [0x30, 2, 5], false],
    ['inner length beyond the outer', [0x30, 2, 0x04, 1, 0, 0], false],
    ['indefinite', [0x30, 0x80, 0, 0], false],
    ['two values', [0x30, 0, 0x30, 0], false],
    ['a set', [0x30, 2, 0x31, 0], true],
    ['a set that is not marked as constructed', [0x30, 2, 0x11, 0], false],
    ['a constructed string', [0x30, 4, 0x24, 2, 4, 0], false],
    ['the end-of-contents tag', [0x30, 2, 0, 0], false],
    ['a context tag in either form', [0x30, 4, 0x80, 0, 0xa0, 0], true],
  ])('%s', (_, bytes, expected) => {
    expect(isDerSequence(Uint8Array.from(bytes))).toBe(expected)
  })

  test('random bytes never throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => typeof isDerSequence(bytes) === 'boolean'))
  })
})

describe('identity signatures', () => {
  const keys = ecKeys()
  const message = Buffer.from('advertise')

  test('64 bytes that verify, and only under that key for that message', () => {
    const signature = signWithIdentity(keys.privateKey, message)
    expect(signature).toHaveLength(64)
    expect(verifyIdentitySignature(keys.publicKey, message, signature)).toBe(true)
    expect(verifyIdentitySignature(keys.publicKey, Buffer.from('other'), signature)).toBe(false)
    expect(verifyIdentitySignature(ecKeys().publicKey, message, signature)).toBe(false)
    expect(verifyIdentitySignature(keys.publicKey, message, signature.slice(0, 63))).toBe(false)
    expect(verifyIdentitySignature(keys.publicKey, message, new Uint8Array(64))).toBe(false)
  })

  test.each([
    ['P-384', ecKeys('P-384')],
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['Ed25519', generateKeyPairSync('ed25519')],
  ])('a key of type %s is refused by name', (_, other) => {
    expect(identityKeyRefusal(other.publicKey)?.code).toBe('identity_key_unsupported')
    expect(verifyIdentitySignature(other.publicKey, message, new Uint8Array(64))).toBe(false)
    expect(() => signWithIdentity(other.privateKey, message)).toThrow(InvariantError)
  })

  test('a P-256 key is accepted', () => {
    expect(identityKeyRefusal(keys.privateKey)).toBeNull()
  })
})
