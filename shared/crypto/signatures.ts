/**
 * The session signing key v: ECDSA P-256 over SHA-256 by node:crypto. Public keys are compressed points (33 bytes),
 * signatures raw r‖s (64 bytes). ECDSA is randomised and malleable: a signature is made once and repeated as bytes.
 */
import { createECDH, createPrivateKey, ECDH, sign as signBytes, verify as verifyBytes } from 'node:crypto'
import { invariant } from '../errors.ts'
import { type Rng, systemRng } from '../random.ts'
import { encodeHex } from './digest.ts'
import { derSignature } from './ecdsa-form.ts'
import { wipe } from './secrets.ts'

/** P-256: compressed public key of 33 bytes, secret scalar of 32 bytes, big-endian. */
export interface SigningKey {
  readonly publicKey: Uint8Array
  readonly secretKey: Uint8Array
}

export const SIGNING_KEY_BYTES = 33
export const SIGNATURE_BYTES = 64
const SCALAR_BYTES = 32
const CURVE = 'prime256v1'

/** Field prime and group order of P-256 (FIPS 186-4, D.1.2.3). */
const FIELD_PRIME = 'ffffffff00000001000000000000000000000000ffffffffffffffffffffffff'
const GROUP_ORDER = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')

/** DER of PKCS#8 and SubjectPublicKeyInfo for P-256 (RFC 5480, RFC 5915) up to the raw scalar or compressed point. */
const PRIVATE_KEY_HEADER = Buffer.from('3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420', 'hex')
const PUBLIC_KEY_HEADER = Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex')

/** A fresh key: 32 bytes of `rng`, drawn again in the rare case (2^-32) that they are no scalar of the group. */
export function generateSigningKey(rng: Rng = systemRng): SigningKey {
  for (;;) {
    const secretKey = rng(SCALAR_BYTES)
    if (isScalar(secretKey)) return signingKeyFromSecret(secretKey)
  }
}

/** The key with this secret scalar. It takes the given bytes over, without a copy. */
export function signingKeyFromSecret(secretKey: Uint8Array): SigningKey {
  invariant(secretKey.length === SCALAR_BYTES && isScalar(secretKey), 'a P-256 secret is a 32-byte scalar of the group')
  const ecdh = createECDH(CURVE)
  ecdh.setPrivateKey(secretKey)
  return { publicKey: new Uint8Array(ecdh.getPublicKey(null, 'compressed')), secretKey }
}

/** Signs SHA-256(message): 64 bytes r‖s, different each time. */
export function sign(key: Uint8Array | SigningKey, message: Uint8Array): Uint8Array {
  const secretKey = key instanceof Uint8Array ? key : key.secretKey
  invariant(secretKey.length === SCALAR_BYTES, `a P-256 secret has ${SCALAR_BYTES} bytes, not ${secretKey.length}`)
  const der = Buffer.concat([PRIVATE_KEY_HEADER, secretKey])
  try {
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    return new Uint8Array(signBytes('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }))
  } finally {
    wipe(der)
  }
}

/** True for a valid signature. Key and signature may come from a peer: malformed ones are false, never a throw. */
export function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false
  if (!isCanonical(publicKey)) return false
  // A key used once is imported within the verification: an object for it would cost as much again as the import.
  const key = { key: Buffer.concat([PUBLIC_KEY_HEADER, publicKey]), format: 'der', type: 'spki' } as const
  try {
    return verifyBytes('sha256', message, key, derSignature(signature))
  } catch {
    // Decompressing finds no point with this x.
    return false
  }
}

/** True for a canonical compressed point on P-256: 33 bytes, prefix 2 or 3, x below the field prime and on the curve. */
export function isAcceptableSigningKey(publicKey: Uint8Array): boolean {
  if (!isCanonical(publicKey)) return false
  try {
    ECDH.convertKey(publicKey, CURVE)
    return true
  } catch {
    // OpenSSL finds no point with this x.
    return false
  }
}

function isCanonical(publicKey: Uint8Array): boolean {
  const [prefix] = publicKey
  if (publicKey.length !== SIGNING_KEY_BYTES || (prefix !== 2 && prefix !== 3)) return false
  return encodeHex(publicKey.subarray(1)) < FIELD_PRIME
}

/** 0 < scalar < group order. Its time tells only what every accepted key has in common. */
function isScalar(bytes: Uint8Array): boolean {
  return bytes.some((byte) => byte !== 0) && Buffer.compare(bytes, GROUP_ORDER) < 0
}
