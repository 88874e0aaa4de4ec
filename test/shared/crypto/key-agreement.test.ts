import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeHex } from '../../../shared/crypto/digest.ts'
import {
  agree,
  generateKeyPair,
  isAcceptablePublicKey,
  keyPairFromSecret,
} from '../../../shared/crypto/key-agreement.ts'
import { InvariantError } from '../../../shared/errors.ts'
import { systemRng } from '../../../shared/random.ts'
import { bytes } from '../../vectors/hex.ts'
import rfc7748 from '../../vectors/rfc-7748.json' with { type: 'json' }

const smallOrderKeys = rfc7748.unacceptableKeys.filter(({ smallOrder }) => smallOrder)

describe('X25519', () => {
  test.each(rfc7748.scalarMultiplications)('RFC 7748 $section', ({ scalar, u, result }) => {
    expect(encodeHex(agree(bytes(scalar), bytes(u)))).toBe(result)
  })

  test('RFC 7748 5.2: a thousand times over', () => {
    const { start, after1, after1000 } = rfc7748.iterated
    let [k, u] = [bytes(start), bytes(start)]
    for (let time = 1; time <= 1000; time += 1) {
      ;[k, u] = [agree(k, u), k]
      if (time === 1) expect(encodeHex(k)).toBe(after1)
    }
    expect(encodeHex(k)).toBe(after1000)
  })

  test('RFC 7748 6.1: both sides get the same secret from the published keys', () => {
    const { aliceSecret, alicePublic, bobSecret, bobPublic, shared } = rfc7748.diffieHellman
    expect(encodeHex(keyPairFromSecret(bytes(aliceSecret)).publicKey)).toBe(alicePublic)
    expect(encodeHex(keyPairFromSecret(bytes(bobSecret)).publicKey)).toBe(bobPublic)
    expect(encodeHex(agree(bytes(aliceSecret), bytes(bobPublic)))).toBe(shared)
    expect(encodeHex(agree(bytes(bobSecret), bytes(alicePublic)))).toBe(shared)
  })

  test('any two key pairs agree, and a secret key determines its public key', () => {
    const secretKey = fc.uint8Array({ minLength: 32, maxLength: 32 })
    fc.assert(
      fc.property(secretKey, secretKey, (first, second) => {
        const a = keyPairFromSecret(first)
        const b = generateKeyPair(() => second)
        expect(isAcceptablePublicKey(a.publicKey)).toBe(true)
        expect(keyPairFromSecret(a.secretKey)).toEqual(a)
        expect(agree(a.secretKey, b.publicKey)).toEqual(agree(b.secretKey, a.publicKey))
      }),
      { numRuns: 25 },
    )
  })

  test('a pair takes the drawn bytes over: overwriting its secret leaves no copy', () => {
    const source = systemRng(32)
    expect(keyPairFromSecret(source).secretKey).toBe(source)
    expect(generateKeyPair(() => source).secretKey).toBe(source)
  })

  test.each(rfc7748.unacceptableKeys)('the public key $name is not acceptable', ({ key }) => {
    expect(isAcceptablePublicKey(bytes(key))).toBe(false)
  })

  test.each([
    ['9', '0900000000000000000000000000000000000000000000000000000000000000'],
    ['p - 2', 'ebffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
    ['p - 256', 'edfeffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
  ])('the public key %s is acceptable', (_, hex) => {
    expect(isAcceptablePublicKey(bytes(hex))).toBe(true)
  })

  test.each([0, 31, 33])('a public key of %i bytes is not acceptable', (length) => {
    expect(isAcceptablePublicKey(new Uint8Array(length).fill(9))).toBe(false)
  })

  test.each(smallOrderKeys)('agreeing with the small-order key $name is our bug', ({ key }) => {
    expect(() => agree(systemRng(32), bytes(key))).toThrow(InvariantError)
  })

  test('keys of another length are our bug', () => {
    expect(() => agree(systemRng(31), systemRng(32))).toThrow(InvariantError)
    expect(() => agree(systemRng(32), systemRng(33))).toThrow(InvariantError)
    expect(() => keyPairFromSecret(systemRng(33))).toThrow(InvariantError)
  })
})
