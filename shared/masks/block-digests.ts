/**
 * The upload digest of packed bytes that threads write in any order: whoever writes the last byte of a block hashes it. The
 * same digest as shared/vector/upload-digest.ts, which is the reference.
 */
import { createHash } from 'node:crypto'
import { sha256 } from '../crypto/digest.ts'
import { invariant } from '../errors.ts'
import { UPLOAD_BLOCK_BYTES } from '../vector/upload-digest.ts'

const DIGEST_BYTES = 32

/** A view of the counters and digests; every thread has one. */
export class BlockDigests {
  readonly #packed: Uint8Array
  /** Bytes of each block that are still to be written. */
  readonly #missing: Int32Array
  readonly #digests: Uint8Array

  constructor(memory: SharedArrayBuffer, packed: Uint8Array) {
    const blocks = Math.ceil(packed.length / UPLOAD_BLOCK_BYTES)
    this.#packed = packed
    this.#missing = new Int32Array(memory, 0, blocks)
    this.#digests = new Uint8Array(memory, this.#missing.byteLength, blocks * DIGEST_BYTES)
  }

  static create(packedBytes: number): SharedArrayBuffer {
    const blocks = Math.ceil(packedBytes / UPLOAD_BLOCK_BYTES)
    const memory = new SharedArrayBuffer(blocks * (Int32Array.BYTES_PER_ELEMENT + DIGEST_BYTES))
    const missing = new Int32Array(memory, 0, blocks)
    missing.fill(UPLOAD_BLOCK_BYTES)
    missing[blocks - 1] = packedBytes - (blocks - 1) * UPLOAD_BLOCK_BYTES
    return memory
  }

  /** Bytes `from` up to but not including `to` have been written, once and for all. */
  written(from: number, to: number): void {
    for (let at = from; at < to; ) {
      const block = Math.floor(at / UPLOAD_BLOCK_BYTES)
      const end = Math.min(to, (block + 1) * UPLOAD_BLOCK_BYTES)
      // What the others subtracted before, they wrote before.
      if (Atomics.sub(this.#missing, block, end - at) === end - at) this.#hash(block)
      at = end
    }
  }

  /** The digest of all bytes, which have all been written. */
  final(): Uint8Array {
    invariant(
      this.#missing.every((missing) => missing === 0),
      'a digest is taken of what is whole',
    )
    return sha256(this.#digests)
  }

  #hash(block: number): void {
    const start = block * UPLOAD_BLOCK_BYTES
    const bytes = this.#packed.subarray(start, start + UPLOAD_BLOCK_BYTES)
    this.#digests.set(createHash('sha256').update(bytes).digest(), block * DIGEST_BYTES)
  }
}
