/**
 * The digest of a masked input: SHA-256 over the SHA-256 of each 1 MiB block of packed bytes, the last one shorter. Both
 * sides can stop at a block's end and go on from the block digests alone.
 */
import { createHash, type Hash } from 'node:crypto'
import { sha256 } from '../crypto/digest.ts'

export const UPLOAD_BLOCK_BYTES = 1024 * 1024

/** Incremental: bytes in order, cut anywhere. */
export class UploadDigest {
  readonly #blocks: Uint8Array[]
  #open: Hash = createHash('sha256')
  #openBytes = 0

  /** Starts anew, or behind the whole blocks whose digests are given. */
  constructor(wholeBlocks: readonly Uint8Array[] = []) {
    this.#blocks = [...wholeBlocks]
  }

  /** SHA-256 of every whole block so far. */
  get blockDigests(): readonly Uint8Array[] {
    return [...this.#blocks]
  }

  update(bytes: Uint8Array): void {
    let start = 0
    while (start < bytes.length) {
      const part = bytes.subarray(start, start + UPLOAD_BLOCK_BYTES - this.#openBytes)
      this.#open.update(part)
      this.#openBytes += part.length
      start += part.length
      if (this.#openBytes === UPLOAD_BLOCK_BYTES) this.#closeBlock()
    }
  }

  /** The 32-byte digest of everything so far; more may follow. */
  final(): Uint8Array {
    if (this.#openBytes === 0) return sha256(...this.#blocks)
    return sha256(...this.#blocks, new Uint8Array(this.#open.copy().digest()))
  }

  #closeBlock(): void {
    this.#blocks.push(new Uint8Array(this.#open.digest()))
    this.#open = createHash('sha256')
    this.#openBytes = 0
  }
}

/** The digest of bytes at hand. */
export function uploadDigest(packed: Uint8Array): Uint8Array {
  const digest = new UploadDigest()
  digest.update(packed)
  return digest.final()
}
