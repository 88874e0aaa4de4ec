import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeHex, encodeHex, equalBytes, sha256, sha256Hex } from '../../../shared/crypto/digest.ts'

const text = new TextEncoder()

describe('digest', () => {
  // FIPS 180-4 example values.
  test.each([
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ])('SHA-256 of %j', (message, digest) => {
    expect(sha256Hex(text.encode(message))).toBe(digest)
  })

  test('parts are hashed one after the other', () => {
    expect(sha256(text.encode('a'), text.encode('bc'))).toEqual(sha256(text.encode('abc')))
    expect(sha256()).toEqual(sha256(new Uint8Array(0)))
  })

  test('equal bytes, other bytes, other lengths', () => {
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true)
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false)
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 3))).toBe(false)
  })

  test('hex goes there and back', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(decodeHex(encodeHex(bytes))).toEqual(bytes)
      }),
    )
    expect(decodeHex('FFfe')).toEqual(Uint8Array.of(0xff, 0xfe))
  })

  test.each(['0', 'zz', '0x00', '00 11', 'é0'])('%j is no hex', (malformed) => {
    expect(decodeHex(malformed)).toBeNull()
  })
})
