/**
 * The plain mask engine: one thread, OpenSSL's ChaCha20 through node:crypto, tile by tile, added in JavaScript. Correct and
 * clear; every faster engine is tested against it.
 */
import { setImmediate } from 'node:timers/promises'
import { Keystream } from '../crypto/keystream.ts'
import type { Lanes } from '../vector/encoding.ts'
import { type MaskEngine, requireMasks } from './mask-engine.ts'

const TILE_BYTES = 64 * 1024
/** Keystream between two turns of the event loop: well below a millisecond's worth per tile, about one in all. */
const BYTES_PER_TURN = 512 * 1024

/** An engine without state: calls may overlap. */
export function plainMaskEngine(): MaskEngine {
  return {
    async accumulate(target, seeds, options = {}) {
      const { signal, onProgress, firstLane = 0 } = options
      signal?.throwIfAborted()
      requireMasks(target, seeds, firstLane)
      const startByte = firstLane * target.BYTES_PER_ELEMENT
      const masks = seeds.map(({ key, sign }) => ({ keystream: new Keystream(key, startByte), sign }))
      const tileLanes = TILE_BYTES / target.BYTES_PER_ELEMENT
      const totalBytes = target.byteLength * masks.length
      let doneBytes = 0
      let bytesThisTurn = 0
      for (let lane = 0; lane < target.length; lane += tileLanes) {
        const tile = target.subarray(lane, lane + tileLanes)
        for (const { keystream, sign } of masks) {
          addMask(tile, keystream, sign)
          doneBytes += tile.byteLength
          bytesThisTurn += tile.byteLength
          if (bytesThisTurn < BYTES_PER_TURN) continue
          bytesThisTurn = 0
          onProgress?.(doneBytes, totalBytes)
          await setImmediate()
          signal?.throwIfAborted()
        }
      }
      if (bytesThisTurn > 0 || totalBytes === 0) onProgress?.(totalBytes, totalBytes)
    },
  }
}

/** Typed arrays wrap by themselves, which is the arithmetic mod 2^16 and 2^32 that masks need. */
function addMask(tile: Lanes, keystream: Keystream, sign: 1 | -1): void {
  const mask = tile instanceof Uint16Array ? keystream.readWords16(tile.length) : keystream.readWords32(tile.length)
  if (sign === 1) {
    for (let lane = 0; lane < mask.length; lane += 1) tile[lane] = tile[lane]! + mask[lane]!
  } else {
    for (let lane = 0; lane < mask.length; lane += 1) tile[lane] = tile[lane]! - mask[lane]!
  }
}
