/**
 * X25519 (RFC 7748) for the channel key pair c and the mask key pair s. Raw 32-byte keys outside, node:crypto inside.
 * A peer's key is checked once, when it is admitted ({@link isAcceptablePublicKey}); {@link agree} relies on that.
 */
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto'
import { InvariantError, invariant } from '../errors.ts'
import type { Rng } from '../random.ts'
import { encodeHex } from './digest.ts'
import { secretBytes, wipe } from './secrets.ts'

/** Both halves are 32 raw bytes, little-endian as in RFC 7748. */
export interface KeyPair {
  readonly publicKey: Uint8Array
  readonly secretKey: Uint8Array
}

export const KEY_BYTES = 32

/** DER of PKCS#8 and SubjectPublicKeyInfo for X25519 (RFC 8410) up to the raw key. */
const PRIVATE_KEY_HEADER = Buffer.from('302e020100300506032b656e04220420', 'hex')
const PUBLIC_KEY_HEADER = Buffer.from('302a300506032b656e032100', 'hex')

/**
 * The canonical u-coordinates of small order on Curve25519 and its twist: 0, 1, the two points of order 8 and p − 1.
 * Their other spellings are not canonical and fall earlier. Source: RFC 7748 section 7; https://cr.yp.to/ecdh.html#validate.
 */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
])

/** A fresh key pair from 32 bytes of `rng`. */
export function generateKeyPair(rng: Rng): KeyPair {
  return keyPairFromSecret(rng(KEY_BYTES))
}

/**
 * The key pair of a secret key: deterministic, so that a reconstructed s_sk can be checked against the s_pk on the roster.
 * The pair takes the given bytes over, without a copy: overwriting its secret key leaves none.
 */
export function keyPairFromSecret(secretKey: Uint8Array): KeyPair {
  const der = createPublicKey(importSecretKey(secretKey)).export({ format: 'der', type: 'spki' })
  return { publicKey: new Uint8Array(der.subarray(PUBLIC_KEY_HEADER.length)), secretKey }
}

/** True for 32 bytes that spell u < 2^255 − 19 with the top bit clear and are not of small order. */
export function isAcceptablePublicKey(publicKey: Uint8Array): boolean {
  return publicKey.length === KEY_BYTES && isCanonical(publicKey) && !SMALL_ORDER.has(encodeHex(publicKey))
}

/**
 * OpenSSL's form of a secret key, for agreeing with many. Importing costs more than agreeing. Safety: it holds a copy of the
 * secret that only the collector overwrites, so it lives for one stage and is never kept in a state.
 */
export function importSecretKey(secretKey: Uint8Array): KeyObject {
  invariant(secretKey.length === KEY_BYTES, `an X25519 secret key has 32 bytes, not ${secretKey.length}`)
  const der = Buffer.concat([PRIVATE_KEY_HEADER, secretKey])
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } finally {
    wipe(der)
  }
}

/**
 * The 32-byte shared secret. Throws InvariantError for a result of all zeros: such a key had to be refused on admission.
 * The result is not uniform; derive keys from it, never use it as one.
 */
export function agree(secretKey: Uint8Array | KeyObject, publicKey: Uint8Array): Uint8Array {
  invariant(publicKey.length === KEY_BYTES, `an X25519 public key has 32 bytes, not ${publicKey.length}`)
  const own = secretKey instanceof Uint8Array ? importSecretKey(secretKey) : secretKey
  // A key used once is imported within the agreement: an object for it would cost as much again as the import.
  const peer = { key: Buffer.concat([PUBLIC_KEY_HEADER, publicKey]), format: 'der', type: 'spki' } as const
  try {
    const result = diffieHellman({ privateKey: own, publicKey: peer })
    const shared = secretBytes(KEY_BYTES)
    shared.set(result)
    wipe(result)
    return shared
  } catch (cause) {
    // OpenSSL itself refuses an all-zero shared secret (RFC 7748 section 6.1).
    throw new InvariantError('X25519 with a public key of small order, which admission should have refused', { cause })
  }
}

/** Public data: early return is fine. p = 2^255 − 19 is ed ff … ff 7f, so only ed…ff ff…ff 7f and the top bit are out. */
function isCanonical(publicKey: Uint8Array): boolean {
  const [lowest = 0] = publicKey
  const highest = publicKey[KEY_BYTES - 1] ?? 0
  if (highest > 0x7f) return false
  if (highest < 0x7f || lowest < 0xed) return true
  return publicKey.subarray(1, KEY_BYTES - 1).some((byte) => byte !== 0xff)
}
