/**
 * The keystream of ChaCha20 (RFC 8439, section 2.4) with a zero nonce, counted from block 0: the PRG of every mask and of
 * the quantiser's rounding. Any range can be produced alone, and is the same bytes as in one long run.
 */
import { type Cipheriv, createCipheriv } from 'node:crypto'
import { invariant } from '../errors.ts'

const BLOCK_BYTES = 64
const KEY_BYTES = 32
/** 2^32 blocks: past that the 32-bit counter of RFC 8439 would repeat. */
export const KEYSTREAM_LIMIT_BYTES = 2 ** 38

const zeros = new Uint8Array(64 * 1024)

/** One keystream, read forwards from a byte offset. Holds one cipher context; drop it when done. */
export class Keystream {
  readonly #cipher: Cipheriv
  #remainingBytes: number

  /** `key` is 32 bytes; `offsetBytes` is where reading starts, 0 to 2^38. */
  constructor(key: Uint8Array, offsetBytes = 0) {
    invariant(key.length === KEY_BYTES, `a ChaCha20 key has ${KEY_BYTES} bytes, not ${key.length}`)
    const inRange = Number.isSafeInteger(offsetBytes) && offsetBytes >= 0 && offsetBytes <= KEYSTREAM_LIMIT_BYTES
    invariant(inRange, `a keystream offset lies in 0…2^38, not at ${offsetBytes}`)
    // node's 16-byte IV is the little-endian block counter (4 bytes) and then the nonce (12 bytes).
    const counterAndNonce = Buffer.alloc(16)
    counterAndNonce.writeUInt32LE(Math.floor(offsetBytes / BLOCK_BYTES) % 2 ** 32, 0)
    this.#cipher = createCipheriv('chacha20', key, counterAndNonce)
    this.#remainingBytes = KEYSTREAM_LIMIT_BYTES - offsetBytes
    const insideBlock = offsetBytes % BLOCK_BYTES
    if (insideBlock > 0) this.#cipher.update(zeros.subarray(0, insideBlock))
  }

  /** The next bytes, in memory of their own. Throws InvariantError past 2^38 bytes. */
  read(lengthBytes: number): Uint8Array {
    invariant(lengthBytes <= this.#remainingBytes, 'a ChaCha20 keystream ends at 2^38 bytes')
    this.#remainingBytes -= lengthBytes
    if (lengthBytes <= zeros.length) return this.#cipher.update(zeros.subarray(0, lengthBytes))
    return this.#cipher.update(new Uint8Array(lengthBytes))
  }

  /** The next little-endian 16-bit words. */
  readWords16(lengthWords: number): Uint16Array {
    const bytes = aligned(this.read(lengthWords * 2), 2)
    return new Uint16Array(bytes.buffer, bytes.byteOffset, lengthWords)
  }

  /** The next little-endian 32-bit words. */
  readWords32(lengthWords: number): Uint32Array {
    const bytes = aligned(this.read(lengthWords * 4), 4)
    return new Uint32Array(bytes.buffer, bytes.byteOffset, lengthWords)
  }
}

/** Word views of bytes are little-endian only where the processor is: everywhere Node 24 is released but on s390x. */
function aligned(bytes: Uint8Array, wordBytes: number): Uint8Array {
  invariant(LITTLE_ENDIAN, 'Blindsum runs on little-endian processors only')
  return bytes.byteOffset % wordBytes === 0 ? bytes : new Uint8Array(bytes)
}

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
