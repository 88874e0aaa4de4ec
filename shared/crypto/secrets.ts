/**
 * Secrets live in memory only, are used and then overwritten. A {@link Secret} owns its bytes, says when it is spent, and
 * never shows them: not in a log, not under inspection, not as JSON.
 */
import { InvariantError } from '../errors.ts'

const REDACTED = '[secret]'
const SPENT = '[spent secret]'

/** Overwrites with zeros. Best effort: copies that the runtime made elsewhere are not reached. */
export function wipe(...secrets: readonly (Uint8Array | Uint16Array | Uint32Array | Float32Array)[]): void {
  for (const secret of secrets) secret.fill(0)
}

/**
 * Zeros for a secret to be written into. Safety: short typed arrays live in V8's heap, where the collector moves them and
 * leaves their bytes behind; these never do, so that overwriting them overwrites all there is.
 */
export function secretBytes(lengthBytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(lengthBytes))
}

/**
 * Owns secret bytes until they are spent.
 *
 * @example
 * const seed = new Secret(rng(32))
 * const shares = seed.use((bytes) => splitSecret({ secret: bytes, threshold, holders, rng }))
 * const key = seed.useLast((bytes) => selfMaskKey({ seed: bytes, contextDigest, rosterDigest, owner }))
 */
export class Secret {
  #bytes: Uint8Array | null

  /** Takes the bytes over: the caller keeps no copy and does not write to them. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get spent(): boolean {
    return this.#bytes === null
  }

  /** Lends the bytes to `work`, which must neither keep nor change them. Throws InvariantError when spent. */
  use<T>(work: (bytes: Uint8Array) => T): T {
    if (this.#bytes === null) throw new InvariantError('a spent secret was used again')
    return work(this.#bytes)
  }

  /** {@link use} for the last time: the secret is spent afterwards, also when `work` throws. */
  useLast<T>(work: (bytes: Uint8Array) => T): T {
    try {
      return this.use(work)
    } finally {
      this.spend()
    }
  }

  /** Overwrites the bytes. Spending twice is harmless. */
  spend(): void {
    if (this.#bytes !== null) wipe(this.#bytes)
    this.#bytes = null
  }

  toJSON(): string {
    return this.toString()
  }

  toString(): string {
    return this.spent ? SPENT : REDACTED
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }
}
