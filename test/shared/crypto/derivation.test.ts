import { describe, expect, test } from 'vitest'
import {
  deriveKey,
  pairwiseMaskKey,
  selfMaskKey,
  shareKey,
  shareKeysBothWays,
} from '../../../shared/crypto/derivation.ts'
import { encodeHex } from '../../../shared/crypto/digest.ts'
import { importSecretKey, keyPairFromSecret } from '../../../shared/crypto/key-agreement.ts'
import { ascending, bytes } from '../../vectors/hex.ts'
import rfc5869 from '../../vectors/rfc-5869.json' with { type: 'json' }
import { session, sessionKeys } from '../../vectors/session-keys.ts'

const { contextDigest, rosterDigest } = session
const digests = { contextDigest, rosterDigest }
const u = keyPairFromSecret(session.secretU)
const v = keyPairFromSecret(session.secretV)
const uToV = { ownSecret: u.secretKey, peerPublic: v.publicKey, ...digests }
const vToU = { ownSecret: v.secretKey, peerPublic: u.publicKey, ...digests }

describe('derivation', () => {
  test.each(rfc5869.hkdfSha256)('RFC 5869 $section, its first 32 bytes', ({ secret, salt, info, output }) => {
    const derived = deriveKey({ secret: bytes(secret), salt: bytes(salt), info: bytes(info) })
    expect(encodeHex(derived)).toBe(output.slice(0, 64))
  })

  test('the share key: both ends derive the vector, each direction has its own', () => {
    expect(encodeHex(shareKey({ ...uToV, from: 1, to: 2 }))).toBe(sessionKeys.shareKeyFrom1To2)
    expect(encodeHex(shareKey({ ...vToU, from: 1, to: 2 }))).toBe(sessionKeys.shareKeyFrom1To2)
    expect(encodeHex(shareKey({ ...uToV, from: 2, to: 1 }))).not.toBe(sessionKeys.shareKeyFrom1To2)
  })

  test('both share keys from one agreement are those from two, with the secret imported or raw', () => {
    const both = shareKeysBothWays({ ...uToV, ownSecret: importSecretKey(u.secretKey), own: 1, peer: 2 })
    expect(both.outgoing).toEqual(shareKey({ ...uToV, from: 1, to: 2 }))
    expect(both.incoming).toEqual(shareKey({ ...vToU, from: 2, to: 1 }))
    expect(shareKeysBothWays({ ...vToU, own: 2, peer: 1 })).toEqual({
      outgoing: both.incoming,
      incoming: both.outgoing,
    })
  })

  test('the pairwise mask key is the vector on both sides, whichever index comes first', () => {
    expect(encodeHex(pairwiseMaskKey({ ...uToV, a: 7, b: 300 }))).toBe(sessionKeys.pairwiseMaskKey7And300)
    expect(encodeHex(pairwiseMaskKey({ ...vToU, a: 300, b: 7 }))).toBe(sessionKeys.pairwiseMaskKey7And300)
  })

  test('the self mask key is the vector; another context, roster, seed or owner gives another', () => {
    const base = { ...digests, seed: session.selfMaskSeed, owner: 5 }
    const keys = [
      base,
      { ...base, contextDigest: ascending(101, 32) },
      { ...base, rosterDigest: ascending(201, 32) },
      { ...base, seed: ascending(10, 32) },
      { ...base, owner: 6 },
    ].map((input) => encodeHex(selfMaskKey(input)))
    expect(keys[0]).toBe(sessionKeys.selfMaskKeyOf5)
    expect(new Set(keys).size).toBe(keys.length)
  })
})
