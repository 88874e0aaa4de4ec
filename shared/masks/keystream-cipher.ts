/** ChaCha20 by OpenSSL, as the tiles use it: from any byte on, a tile at a time, in memory that is given back. */
import { type Cipheriv, createCipheriv } from 'node:crypto'
import { TILE_BYTES } from './tile.ts'

const BLOCK_BYTES = 64
const zeros = new Uint8Array(TILE_BYTES)

/** An OpenSSL ChaCha20 that stands at a byte of the key's keystream. */
export function cipherAt(key: Uint8Array, atByte: number): Cipheriv {
  const insideBlock = atByte % BLOCK_BYTES
  // node's 16-byte IV is the little-endian block counter (4 bytes) and then the nonce (12 bytes).
  const counterAndNonce = new Uint8Array(16)
  new DataView(counterAndNonce.buffer).setUint32(0, (atByte - insideBlock) / BLOCK_BYTES, true)
  const cipher = createCipheriv('chacha20', key, counterAndNonce)
  if (insideBlock > 0) cipher.update(zeros.subarray(0, insideBlock))
  return cipher
}

/** The next bytes of keystream, at most a tile's; to be given back by {@link giveBack} once they are used. */
export function nextBytes(cipher: Cipheriv, lengthBytes: number): Uint8Array {
  return cipher.update(lengthBytes === zeros.length ? zeros : zeros.subarray(0, lengthBytes))
}

/**
 * Frees what {@link nextBytes} allocated at once, so that the next call gets the same memory while it is in the cache. Left
 * to the collector, every call writes to memory that is not: half the speed.
 */
export function giveBack({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}
