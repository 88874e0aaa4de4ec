/**
 * The port through which all masks are put on and taken off: expand keys to ChaCha20 keystream and add it, lane by lane.
 * Engines differ in speed only; every one gives the same lanes for the same keys.
 */

/** One mask: the 32-byte ChaCha20 key (`pairwiseMaskKey`, `selfMaskKey`), and whether it is added or taken away. */
export interface MaskSeed {
  readonly key: Uint8Array
  readonly sign: 1 | -1
}

export interface MaskEngine {
  /**
   * Adds sign · PRG(key) for every seed to `target` in place, exactly, mod 2^16 or 2^32 by its lane width. Lane i takes the
   * i-th little-endian word of that width of the keystream: ChaCha20 (RFC 8439), nonce zero, counter from 0.
   *
   * Does not block the event loop for more than a few milliseconds. Rejects with the signal's reason when aborted; `target`
   * is then half done and worthless. `onProgress` is told bytes of keystream, last with done = total.
   */
  accumulate(
    target: Uint16Array | Uint32Array,
    seeds: readonly MaskSeed[],
    options?: {
      readonly signal?: AbortSignal
      readonly onProgress?: (done: number, total: number) => void
    },
  ): Promise<void>
}
