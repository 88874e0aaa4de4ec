/**
 * The port through which all masks are put on and taken off: expand keys to ChaCha20 keystream and add it, lane by lane.
 * Engines differ in speed only; every one gives the same lanes for the same keys.
 */
import { KEYSTREAM_LIMIT_BYTES } from '../crypto/keystream.ts'
import { invariant } from '../errors.ts'
import type { Lanes } from '../vector/encoding.ts'
import type { PreparedUpdate } from '../vector/quantize.ts'

/** One mask: the 32-byte ChaCha20 key (`pairwiseMaskKey`, `selfMaskKey`), and whether it is added or taken away. */
export interface MaskSeed {
  readonly key: Uint8Array
  readonly sign: 1 | -1
}

export interface AccumulateOptions {
  readonly signal?: AbortSignal
  /** Told bytes of keystream, rising; last with done = total. */
  readonly onProgress?: (done: number, total: number) => void
  /** Which lane of the whole vector `target[0]` is, so that a vector can be masked in parts; 0 when left out. */
  readonly firstLane?: number
}

export interface MaskEngine {
  /**
   * Adds sign · PRG(key) for every seed to `target` in place, exactly, mod 2^16 or 2^32 by its lane width. Lane i of the whole
   * vector takes the i-th little-endian word of that width of the keystream: ChaCha20 (RFC 8439), nonce zero, counter from 0.
   *
   * Nobody else reads or writes `target` until the promise settles. Does not block the event loop for more than a few
   * milliseconds. Rejects with the signal's reason when aborted, and with InvariantError where the keystream would end (2^32
   * blocks); `target` is untouched in the second case, in the first half done and worthless. Over a SharedArrayBuffer,
   * threads work on `target` itself, without a copy.
   */
  accumulate(target: Lanes, seeds: readonly MaskSeed[], options?: AccumulateOptions): Promise<void>

  /**
   * An update's masked input without its lanes in between: rounded, masked, packed and digested tile by tile. Resolves with
   * the upload digest; the same bytes as rounding, {@link accumulate} and packing one after the other. Rejects with the
   * signal's reason; what was written to `packed` is then worthless, but masked.
   *
   * Left out by an engine that cannot; null, with nothing done, from one that would rather not.
   */
  readonly makeInput?: (input: InputToMake) => Promise<Uint8Array> | null
}

/** What a masked input is made of. */
export interface InputToMake {
  /** Nobody writes to it until the promise settles. Coordinates over a SharedArrayBuffer are not copied. */
  readonly prepared: PreparedUpdate
  readonly seeds: readonly MaskSeed[]
  /** `layout.packedBytes` long. */
  readonly packed: Uint8Array<SharedArrayBuffer>
  readonly signal?: AbortSignal
  /** Told how many of the packed bytes, from the first on, will not change any more; rising. */
  readonly onReady?: (readyBytes: number) => void
}

/** Throws InvariantError unless all keys have 32 bytes and the keystream reaches to the target's end. */
export function requireMasks(target: Lanes, seeds: readonly MaskSeed[], firstLane: number): void {
  invariant(Number.isSafeInteger(firstLane) && firstLane >= 0, `the first lane is a whole number, not ${firstLane}`)
  const endByte = (firstLane + target.length) * target.BYTES_PER_ELEMENT
  invariant(
    endByte <= KEYSTREAM_LIMIT_BYTES,
    `a ChaCha20 keystream ends at 2^32 blocks of 64 bytes (2^38 bytes); the last lane would need byte ${endByte}`,
  )
  for (const { key } of seeds) invariant(key.length === 32, `a mask key has 32 bytes, not ${key.length}`)
}
