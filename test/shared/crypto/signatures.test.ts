import { describe, expect, test } from 'vitest'
import { encodeHex } from '../../../shared/crypto/digest.ts'
import {
  generateSigningKey,
  isAcceptableSigningKey,
  sign,
  signingKeyFromSecret,
  verify,
} from '../../../shared/crypto/signatures.ts'
import { InvariantError } from '../../../shared/errors.ts'
import { ascending, bytes } from '../../vectors/hex.ts'
import p256 from '../../vectors/rfc-6979.json' with { type: 'json' }

const text = new TextEncoder()
const message = text.encode('masked input 7')

describe('P-256 signatures', () => {
  test.each(p256.signatures)('RFC 6979 A.2.5 $message', ({ message: signed, signature }) => {
    const publicKey = bytes(`03${p256.x}`)
    expect(verify(publicKey, text.encode(signed), bytes(signature))).toBe(true)
    expect(verify(bytes(`02${p256.x}`), text.encode(signed), bytes(signature))).toBe(false)
  })

  test('the public key of the vector, compressed', () => {
    expect(encodeHex(signingKeyFromSecret(bytes(p256.secretKey)).publicKey)).toBe(`03${p256.x}`)
  })

  test('what was signed verifies, by key or by secret alone, and nothing else does', () => {
    const key = generateSigningKey()
    const other = generateSigningKey()
    for (const signature of [sign(key, message), sign(key.secretKey, message)]) {
      expect(signature.length).toBe(64)
      expect(verify(key.publicKey, message, signature)).toBe(true)
      expect(verify(other.publicKey, message, signature)).toBe(false)
      expect(verify(key.publicKey, text.encode('masked input 8'), signature)).toBe(false)
      for (const place of [0, 31, 32, 63]) {
        const flipped = signature.slice()
        flipped[place]! ^= 1
        expect(verify(key.publicKey, message, flipped)).toBe(false)
      }
    }
  })

  test('malformed keys and signatures are false, never a throw', () => {
    const key = generateSigningKey()
    const signature = sign(key, message)
    expect(verify(key.publicKey, message, signature.subarray(1))).toBe(false)
    expect(verify(key.publicKey, message, new Uint8Array(64))).toBe(false)
    expect(verify(key.publicKey, message, new Uint8Array(64).fill(0xff))).toBe(false)
    expect(verify(key.publicKey.subarray(1), message, signature)).toBe(false)
    expect(verify(new Uint8Array(33), message, signature)).toBe(false)
  })

  test('a generator that repeats itself gives the same key; out-of-range draws are drawn again', () => {
    expect(generateSigningKey(() => ascending(3, 32))).toEqual(signingKeyFromSecret(ascending(3, 32)))
    const draws = [new Uint8Array(32), new Uint8Array(32).fill(0xff), ascending(3, 32)]
    expect(generateSigningKey(() => draws.shift()!).secretKey).toEqual(ascending(3, 32))
  })

  test.each([
    ['x = p, a second spelling of x = 0', '02ffffffff00000001000000000000000000000000ffffffffffffffffffffffff'],
    ['x above the prime', `02${'ff'.repeat(32)}`],
    ['x = 1, which is not on the curve', `02${'00'.repeat(31)}01`],
    ['an uncompressed point', `04${p256.x}${p256.y}`],
    ['a hybrid prefix', `07${p256.x}`],
    ['32 bytes', p256.x],
    ['nothing', ''],
  ])('not acceptable: %s', (_, hex) => {
    expect(isAcceptableSigningKey(bytes(hex))).toBe(false)
    expect(verify(bytes(hex), message, new Uint8Array(64).fill(1))).toBe(false)
  })

  test('x = 0 and both points with the x of the vector are acceptable', () => {
    expect(isAcceptableSigningKey(bytes(`02${'00'.repeat(32)}`))).toBe(true)
    expect(isAcceptableSigningKey(bytes(`02${p256.x}`))).toBe(true)
    expect(isAcceptableSigningKey(bytes(`03${p256.x}`))).toBe(true)
  })

  test('secrets out of range are our bug', () => {
    expect(() => sign(new Uint8Array(31), message)).toThrow(InvariantError)
    expect(() => signingKeyFromSecret(new Uint8Array(32))).toThrow(InvariantError)
    expect(() => signingKeyFromSecret(new Uint8Array(32).fill(0xff))).toThrow(InvariantError)
  })
})
