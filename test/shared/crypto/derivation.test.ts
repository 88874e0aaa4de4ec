import { hkdfSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { deriveKey, pairwiseMaskKey, selfMaskKey, shareKey } from '../../../shared/crypto/derivation.ts'
import { encodeHex } from '../../../shared/crypto/digest.ts'
import { agree, keyPairFromSecret } from '../../../shared/crypto/key-agreement.ts'
import { encodeTuple } from '../../../shared/protocol/tuple.ts'
import { ascending } from '../../vectors/hex.ts'
import { hkdfSha256 } from '../../vectors/rfc-5869-hkdf.ts'

const contextDigest = ascending(100, 32)
const rosterDigest = ascending(200, 32)
const digests = { contextDigest, rosterDigest }
const u = keyPairFromSecret(ascending(1, 32))
const v = keyPairFromSecret(ascending(50, 32))

/** HKDF as protocol.md states it, written out. */
function derived(secret: Uint8Array, label: string, ...fields: readonly (Uint8Array | number)[]) {
  return new Uint8Array(hkdfSync('sha256', secret, rosterDigest, encodeTuple(label, ...fields), 32))
}

describe('derivation', () => {
  test.each(hkdfSha256)('RFC 5869 $name', ({ secret, salt, info, output }) => {
    expect(encodeHex(deriveKey({ secret, salt, info }))).toBe(output)
  })

  test('the share key: both ends derive it, each direction has its own', () => {
    const forth = { ...digests, from: 1, to: 2 }
    const dealt = shareKey({ ownSecret: u.secretKey, peerPublic: v.publicKey, ...forth })
    const opened = shareKey({ ownSecret: v.secretKey, peerPublic: u.publicKey, ...forth })
    const back = shareKey({ ownSecret: u.secretKey, peerPublic: v.publicKey, ...digests, from: 2, to: 1 })
    expect(dealt).toEqual(derived(agree(u.secretKey, v.publicKey), 'blindsum/v1/share-key', contextDigest, 1, 2))
    expect(opened).toEqual(dealt)
    expect(back).not.toEqual(dealt)
  })

  test('the pairwise mask key is the same on both sides whichever index comes first', () => {
    const one = pairwiseMaskKey({ ownSecret: u.secretKey, peerPublic: v.publicKey, ...digests, a: 300, b: 7 })
    const other = pairwiseMaskKey({ ownSecret: v.secretKey, peerPublic: u.publicKey, ...digests, a: 7, b: 300 })
    expect(one).toEqual(derived(agree(u.secretKey, v.publicKey), 'blindsum/v1/pairwise-mask', contextDigest, 7, 300))
    expect(other).toEqual(one)
  })

  test('the self mask key comes from the seed and the owner', () => {
    const seed = ascending(9, 32)
    expect(selfMaskKey({ ...digests, seed, owner: 5 })).toEqual(
      derived(seed, 'blindsum/v1/self-mask', contextDigest, 5),
    )
  })

  test('another context, roster or owner gives another key', () => {
    const base = { ...digests, seed: ascending(9, 32), owner: 5 }
    const keys = [
      base,
      { ...base, contextDigest: ascending(101, 32) },
      { ...base, rosterDigest: ascending(201, 32) },
      { ...base, owner: 6 },
    ].map((input) => encodeHex(selfMaskKey(input)))
    expect(new Set(keys).size).toBe(4)
  })
})
