/**
 * Seals the shares one participant deals to another: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) by libsodium.
 * Ciphertext on the wire is nonce ‖ box. Loading this module waits until libsodium's WebAssembly is compiled; the rest is
 * synchronous.
 */
import sodium from 'libsodium-wrappers'
import { invariant } from '../errors.ts'

export const SHARE_NONCE_BYTES = 24
/** What sealing adds: the nonce in front and the tag behind. */
export const SEAL_OVERHEAD_BYTES = 40
const KEY_BYTES = 32

/**
 * Safety: libsodium frees its copies of key and plaintext in WebAssembly memory without overwriting them. So every operation
 * is followed by the same one on zeros, of the same lengths, which gets the same places and overwrites them.
 */
const NO_KEY = new Uint8Array(KEY_BYTES)
const NO_NONCE = new Uint8Array(SHARE_NONCE_BYTES)

await sodium.ready

/** Seals under a key that is used once. `nonce` is 24 random bytes; the result is 40 bytes longer than the plaintext. */
export function sealShares(input: {
  readonly key: Uint8Array
  readonly nonce: Uint8Array
  readonly plaintext: Uint8Array
  readonly associatedData: Uint8Array
}): Uint8Array {
  const { key, nonce, plaintext, associatedData } = input
  invariant(key.length === KEY_BYTES, `a share key has ${KEY_BYTES} bytes, not ${key.length}`)
  invariant(nonce.length === SHARE_NONCE_BYTES, `a share nonce has ${SHARE_NONCE_BYTES} bytes, not ${nonce.length}`)
  try {
    const box = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, associatedData, null, nonce, key)
    const sealed = new Uint8Array(nonce.length + box.length)
    sealed.set(nonce)
    sealed.set(box, nonce.length)
    return sealed
  } finally {
    const zeros = new Uint8Array(plaintext.length)
    sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(zeros, associatedData, null, NO_NONCE, NO_KEY)
  }
}

/** The plaintext, or null when the ciphertext is too short or was not sealed under this key and associated data. */
export function openShares(input: {
  readonly key: Uint8Array
  readonly ciphertext: Uint8Array
  readonly associatedData: Uint8Array
}): Uint8Array | null {
  const { key, ciphertext, associatedData } = input
  invariant(key.length === KEY_BYTES, `a share key has ${KEY_BYTES} bytes, not ${key.length}`)
  if (ciphertext.length < SEAL_OVERHEAD_BYTES) return null
  const nonce = ciphertext.subarray(0, SHARE_NONCE_BYTES)
  const box = ciphertext.subarray(SHARE_NONCE_BYTES)
  try {
    return openBox({ box, associatedData, nonce, key })
  } finally {
    openBox({ box: new Uint8Array(box.length), associatedData, nonce: NO_NONCE, key: NO_KEY })
  }
}

function openBox(input: {
  readonly box: Uint8Array
  readonly associatedData: Uint8Array
  readonly nonce: Uint8Array
  readonly key: Uint8Array
}): Uint8Array | null {
  const { box, associatedData, nonce, key } = input
  try {
    return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, box, associatedData, nonce, key)
  } catch {
    // libsodium throws one plain Error for a forged box; lengths, its other reason, are checked by openShares.
    return null
  }
}
