import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeHex } from '../../../shared/crypto/digest.ts'
import { openShares, SEAL_OVERHEAD_BYTES, sealShares } from '../../../shared/crypto/share-cipher.ts'
import { InvariantError } from '../../../shared/errors.ts'
import xchacha20Poly1305 from '../../vectors/draft-xchacha-03.json' with { type: 'json' }
import { ascending, bytes } from '../../vectors/hex.ts'

const key = ascending(1, 32)
const nonce = ascending(60, 24)
const plaintext = ascending(5, 64)
const associatedData = ascending(90, 20)

describe('share cipher', () => {
  test('draft-irtf-cfrg-xchacha-03 A.3.1, behind its nonce', () => {
    const vector = xchacha20Poly1305
    const sealed = sealShares({
      key: bytes(vector.key),
      nonce: bytes(vector.nonce),
      plaintext: new TextEncoder().encode(vector.plaintext),
      associatedData: bytes(vector.associatedData),
    })
    expect(encodeHex(sealed)).toBe(vector.nonce + vector.box)
  })

  test('what was sealed opens, and is 40 bytes longer', () => {
    const ciphertext = sealShares({ key, nonce, plaintext, associatedData })
    expect(ciphertext.length).toBe(plaintext.length + SEAL_OVERHEAD_BYTES)
    expect(openShares({ key, ciphertext, associatedData })).toEqual(plaintext)
  })

  test('a flipped bit anywhere, another key or other associated data does not open', () => {
    const ciphertext = sealShares({ key, nonce, plaintext, associatedData })
    fc.assert(
      fc.property(fc.nat({ max: ciphertext.length * 8 - 1 }), (bit) => {
        const flipped = ciphertext.slice()
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        expect(openShares({ key, ciphertext: flipped, associatedData })).toBeNull()
      }),
    )
    expect(openShares({ key: ascending(2, 32), ciphertext, associatedData })).toBeNull()
    expect(openShares({ key, ciphertext, associatedData: ascending(91, 20) })).toBeNull()
  })

  test.each([0, 1, 24, 39])('a ciphertext of %i bytes does not open', (length) => {
    expect(openShares({ key, ciphertext: new Uint8Array(length), associatedData })).toBeNull()
  })

  test('keys and nonces of another length are our bug', () => {
    expect(() => sealShares({ key: key.subarray(1), nonce, plaintext, associatedData })).toThrow(InvariantError)
    expect(() => sealShares({ key, nonce: nonce.subarray(1), plaintext, associatedData })).toThrow(InvariantError)
    const ciphertext = sealShares({ key, nonce, plaintext, associatedData })
    expect(() => openShares({ key: key.subarray(1), ciphertext, associatedData })).toThrow(InvariantError)
  })
})
