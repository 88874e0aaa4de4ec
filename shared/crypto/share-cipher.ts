/**
 * Seals the shares one participant deals to another: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) by libsodium.
 * Ciphertext on the wire is nonce ‖ box. Loading this module waits until libsodium's WebAssembly is compiled; the rest is
 * synchronous.
 */
import sodium from 'libsodium-wrappers'
import { invariant } from '../errors.ts'
import { secretBytes } from './secrets.ts'

export const SHARE_NONCE_BYTES = 24
/** What sealing adds: the nonce in front and the tag behind. */
export const SEAL_OVERHEAD_BYTES = 40
const KEY_BYTES = 32
const TAG_BYTES = 16

/** Addresses and halves of 64-bit lengths; what comes back is 0, or -1 when a box was not sealed under this key. */
type Seal = (...words: readonly number[]) => number

/**
 * Safety: libsodium's own wrappers free their copies of key and plaintext without overwriting them, and return short plaintexts
 * in V8's heap, where the collector moves them and leaves their bytes behind. So the functions below the wrappers are called,
 * over memory that is overwritten afterwards. (They are public, and the wrappers' types leave them out.)
 */
const wasm = await sodium.ready.then(
  () =>
    (
      sodium as unknown as {
        readonly libsodium: {
          /** Another array whenever the memory has grown. */
          readonly HEAPU8: Uint8Array
          _malloc(lengthBytes: number): number
          _free(address: number): void
          readonly _crypto_aead_xchacha20poly1305_ietf_encrypt: Seal
          readonly _crypto_aead_xchacha20poly1305_ietf_decrypt: Seal
        }
      }
    ).libsodium,
)

interface Sealing {
  readonly key: Uint8Array
  readonly associatedData: Uint8Array
}

/** Seals under a key that is used once. `nonce` is 24 random bytes; the result is 40 bytes longer than the plaintext. */
export function sealShares(
  input: Sealing & { readonly nonce: Uint8Array; readonly plaintext: Uint8Array },
): Uint8Array {
  const { nonce, plaintext, associatedData, key } = input
  invariant(nonce.length === SHARE_NONCE_BYTES, `a share nonce has ${SHARE_NONCE_BYTES} bytes, not ${nonce.length}`)
  return overSecretMemory({ text: plaintext, associatedData, nonce, key }, ({ at, data, nonceAt, keyAt }) => {
    const length = plaintext.length
    wasm._crypto_aead_xchacha20poly1305_ietf_encrypt(
      at,
      0,
      at,
      length,
      0,
      data,
      associatedData.length,
      0,
      0,
      nonceAt,
      keyAt,
    )
    const sealed = new Uint8Array(SEAL_OVERHEAD_BYTES + length)
    sealed.set(nonce)
    sealed.set(wasm.HEAPU8.subarray(at, at + length + TAG_BYTES), SHARE_NONCE_BYTES)
    return sealed
  })
}

/**
 * The plaintext, or null when the ciphertext is too short or was not sealed under this key and associated data. What is
 * returned is the only copy there is, for the caller to wipe.
 */
export function openShares(input: Sealing & { readonly ciphertext: Uint8Array }): Uint8Array<ArrayBuffer> | null {
  const { key, ciphertext, associatedData } = input
  if (ciphertext.length < SEAL_OVERHEAD_BYTES) return null
  const nonce = ciphertext.subarray(0, SHARE_NONCE_BYTES)
  const box = ciphertext.subarray(SHARE_NONCE_BYTES)
  return overSecretMemory({ text: box, associatedData, nonce, key }, ({ at, data, nonceAt, keyAt }) => {
    const { length } = box
    const { _crypto_aead_xchacha20poly1305_ietf_decrypt: decrypt } = wasm
    if (decrypt(at, 0, 0, at, length, 0, data, associatedData.length, 0, nonceAt, keyAt) !== 0) return null
    const plaintext = secretBytes(length - TAG_BYTES)
    plaintext.set(wasm.HEAPU8.subarray(at, at + plaintext.length))
    return plaintext
  })
}

/** Lends libsodium's memory, with the inputs in it and room for a tag behind the text, and overwrites it afterwards. */
function overSecretMemory<T>(
  input: Sealing & { readonly text: Uint8Array; readonly nonce: Uint8Array },
  work: (places: { readonly at: number; readonly data: number; readonly nonceAt: number; readonly keyAt: number }) => T,
): T {
  const { text, associatedData, nonce, key } = input
  invariant(key.length === KEY_BYTES, `a share key has ${KEY_BYTES} bytes, not ${key.length}`)
  const lengthBytes = text.length + TAG_BYTES + associatedData.length + SHARE_NONCE_BYTES + KEY_BYTES
  const at = wasm._malloc(lengthBytes)
  invariant(at !== 0, 'libsodium has no memory left')
  try {
    const data = at + text.length + TAG_BYTES
    const nonceAt = data + associatedData.length
    const keyAt = nonceAt + SHARE_NONCE_BYTES
    wasm.HEAPU8.set(text, at)
    wasm.HEAPU8.set(associatedData, data)
    wasm.HEAPU8.set(nonce, nonceAt)
    wasm.HEAPU8.set(key, keyAt)
    return work({ at, data, nonceAt, keyAt })
  } finally {
    wasm.HEAPU8.fill(0, at, at + lengthBytes)
    wasm._free(at)
  }
}
