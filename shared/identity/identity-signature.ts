/**
 * Signatures by a workload's certificate key, as stage 0 needs them: ECDSA P-256 with SHA-256, 64 bytes r‖s. Version 1
 * of the protocol knows no other kind, so an agent whose key is of another type is told at its start.
 */
import { type KeyObject, sign, verify } from 'node:crypto'
import { derSignature } from '../crypto/ecdsa-form.ts'
import { invariant } from '../errors.ts'

export const IDENTITY_SIGNATURE_BYTES = 64

/** Why a key (public or private) cannot sign for the protocol, or null if it can. */
export function identityKeyRefusal(
  key: KeyObject,
): { readonly code: 'identity_key_unsupported'; readonly message: string } | null {
  if (isP256(key)) return null
  const found = [key.asymmetricKeyType ?? 'unknown', key.asymmetricKeyDetails?.namedCurve].filter(Boolean).join(' ')
  const message = `the certificate's key is ${found}; the protocol signs with EC P-256 keys only, so ask for a certificate with one`
  return { code: 'identity_key_unsupported', message }
}

/** Signs `message` with a P-256 private key; returns 64 bytes r‖s. Another key is our bug: check it at start. */
export function signWithIdentity(privateKey: KeyObject, message: Uint8Array): Uint8Array {
  invariant(privateKey.type === 'private' && isP256(privateKey), 'identity signatures need a P-256 private key')
  return new Uint8Array(sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }))
}

/** True if `signature` is the 64-byte P-256 signature of `message` under `publicKey`; false for anything else. */
export function verifyIdentitySignature(publicKey: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  if (!isP256(publicKey) || signature.length !== IDENTITY_SIGNATURE_BYTES) return false
  return verify('sha256', message, publicKey, derSignature(signature))
}

function isP256(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
}
