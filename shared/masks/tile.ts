/**
 * A tile: the part of the vector that stays in the processor's cache while all masks go over it. Two kinds do the same: in
 * the memory of a WASM instance, and in plain JavaScript on the vector itself.
 */
import { Keystream } from '../crypto/keystream.ts'
import { wipe } from '../crypto/secrets.ts'
import type { Lanes } from '../vector/encoding.ts'
import { hasKernels, instantiateKernels, KERNELS_FREE_FROM, type Kernels } from './kernels.ts'
import type { Rounding } from './mask-task.ts'

/** 64 KiB: the largest piece for which vector, keystream and OpenSSL's buffers fit a 256 KiB cache. */
export const TILE_BYTES = 64 * 1024
const BLOCK_BYTES = 64

export type Arithmetic = 'kernels' | 'plain'

export interface Tile {
  /** Takes at most {@link TILE_BYTES} of lanes to work on. */
  load(lanes: Lanes): void
  /** Adds or takes away keystream, as many bytes as were loaded. */
  addBytes(mask: Uint8Array, sign: 1 | -1): void
  /** {@link addBytes} with the tile's own ChaCha20, from that byte of the keystream on. Cheap to start. */
  addKeystream(key: Uint8Array, fromByte: number, sign: 1 | -1): void
  /** Writes the loaded lanes back to where they came from. */
  store(): void
  /** Overwrites everything secret that is left. */
  wipe(): void
}

export function bestArithmetic(): Arithmetic {
  return hasKernels() ? 'kernels' : 'plain'
}

const KEY_AT = KERNELS_FREE_FROM
const TILE_AT = 64 * 1024
/** Not a multiple of 4 KiB behind the tile, so that a store never looks to the processor like the next load. */
const MASK_AT = TILE_AT + TILE_BYTES + 1024
/** A mask may start anywhere in its first block, and four blocks are made at a time. */
const MASK_ROOM_BYTES = TILE_BYTES + 5 * BLOCK_BYTES
/** Coordinates before they are rounded, and packed bytes; for the same reason not at the mask's place in a page. */
const EDGE_AT = MASK_AT + MASK_ROOM_BYTES + 704
const EDGE_ROOM_BYTES = TILE_BYTES + BLOCK_BYTES
/** So many coordinates are rounded at a time: their 32-bit words fill the mask's place. */
export const ROUNDED_LANES = TILE_BYTES / 4

/** In the memory of a WASM instance; its lanes can also be made there from an update, and leave it packed. */
export class KernelTile implements Tile {
  readonly #kernels: Kernels = instantiateKernels()
  readonly #memory = new Uint8Array(this.#kernels.memory.buffer)
  #lanes: Lanes = new Uint16Array(0)
  #lengthBytes = 0
  #laneBytes = 2

  load(lanes: Lanes): void {
    this.#lanes = lanes
    this.#lengthBytes = lanes.byteLength
    this.#laneBytes = lanes.BYTES_PER_ELEMENT
    this.#memory.set(bytesOf(lanes), TILE_AT)
  }

  /** Takes so many lanes to work on that {@link round} and {@link setLanes} make, {@link pack} takes out. */
  begin(lengthLanes: number, laneBytes: number): void {
    this.#lengthBytes = lengthLanes * laneBytes
    this.#laneBytes = laneBytes
  }

  /** Words of the rounding keystream, at most {@link ROUNDED_LANES}: from elsewhere. */
  loadWords(words: Uint8Array): void {
    this.#memory.set(words, MASK_AT)
  }

  /** {@link loadWords} with the tile's own ChaCha20, from the start of a block on. */
  makeWords(seed: Uint8Array, fromByte: number, lengthWords: number): void {
    this.#memory.set(seed, KEY_AT)
    const blocks = roundUp((lengthWords * 4) / BLOCK_BYTES, 4)
    this.#kernels.keystream(MASK_AT, blocks, KEY_AT, fromByte / BLOCK_BYTES)
  }

  /** Rounds coordinates with the words that were loaded for them; `atLane` is a multiple of 8. */
  round(update: Float32Array, atLane: number, how: Rounding): void {
    this.#memory.set(bytesOf(update), EDGE_AT)
    const { quantize16, quantize32 } = this.#kernels
    const { clipFactor, laneRange, unitsPerOne, largest, modulusBits } = how
    const lanesAt = TILE_AT + atLane * this.#laneBytes
    const laneMask = 2 ** modulusBits - 1
    const quantize = this.#laneBytes === 2 ? quantize16 : quantize32
    quantize(lanesAt, EDGE_AT, MASK_AT, update.length, clipFactor, laneRange, unitsPerOne, largest, laneMask)
  }

  setLanes(values: Uint32Array, atLane: number): void {
    const { buffer } = this.#kernels.memory
    if (this.#laneBytes === 2) new Uint16Array(buffer, TILE_AT).set(values, atLane)
    else new Uint32Array(buffer, TILE_AT).set(values, atLane)
  }

  /** Writes the lanes' packed bytes to where they are wanted. */
  pack(into: Uint8Array, modulusBits: number): void {
    if (modulusBits === this.#laneBytes * 8) {
      into.set(this.#memory.subarray(TILE_AT, TILE_AT + into.length))
      return
    }
    const { pack16, pack32 } = this.#kernels
    const lengthLanes = this.#lengthBytes / this.#laneBytes
    ;(this.#laneBytes === 2 ? pack16 : pack32)(EDGE_AT, TILE_AT, lengthLanes, modulusBits)
    into.set(this.#memory.subarray(EDGE_AT, EDGE_AT + into.length))
  }

  addBytes(mask: Uint8Array, sign: 1 | -1): void {
    this.#memory.set(mask, MASK_AT)
    this.#add(MASK_AT, sign)
  }

  addKeystream(key: Uint8Array, fromByte: number, sign: 1 | -1): void {
    const insideBlock = fromByte % BLOCK_BYTES
    const blocks = Math.ceil((insideBlock + this.#lengthBytes) / BLOCK_BYTES)
    this.#memory.set(key, KEY_AT)
    this.#kernels.keystream(MASK_AT, roundUp(blocks, 4), KEY_AT, (fromByte - insideBlock) / BLOCK_BYTES)
    this.#add(MASK_AT + insideBlock, sign)
  }

  store(): void {
    const { byteLength } = this.#lanes
    bytesOf(this.#lanes).set(this.#memory.subarray(TILE_AT, TILE_AT + byteLength))
  }

  wipe(): void {
    this.#lanes = new Uint16Array(0)
    this.#memory.fill(0, KEY_AT, EDGE_AT + EDGE_ROOM_BYTES)
  }

  /** Goes on to the end of a block: what stands behind the loaded lanes is not written back. */
  #add(maskAt: number, sign: 1 | -1): void {
    const { addLanes16, addLanes32, subtractLanes16, subtractLanes32 } = this.#kernels
    const lengthBytes = roundUp(this.#lengthBytes, BLOCK_BYTES)
    const narrow = this.#laneBytes === 2
    if (sign === 1) (narrow ? addLanes16 : addLanes32)(TILE_AT, maskAt, lengthBytes)
    else (narrow ? subtractLanes16 : subtractLanes32)(TILE_AT, maskAt, lengthBytes)
  }
}

/** In plain JavaScript, on the vector itself. */
export class PlainTile implements Tile {
  #lanes: Lanes = new Uint16Array(0)

  load(lanes: Lanes): void {
    this.#lanes = lanes
  }

  addBytes(bytes: Uint8Array, sign: 1 | -1): void {
    const lanes = this.#lanes
    const { buffer, byteOffset } = bytes
    const mask =
      lanes instanceof Uint16Array
        ? new Uint16Array(buffer, byteOffset, lanes.length)
        : new Uint32Array(buffer, byteOffset, lanes.length)
    // Typed arrays wrap by themselves, which is the arithmetic mod 2^16 and 2^32 that masks need.
    if (sign === 1) for (let lane = 0; lane < mask.length; lane += 1) lanes[lane] = lanes[lane]! + mask[lane]!
    else for (let lane = 0; lane < mask.length; lane += 1) lanes[lane] = lanes[lane]! - mask[lane]!
  }

  addKeystream(key: Uint8Array, fromByte: number, sign: 1 | -1): void {
    const mask = new Keystream(key, fromByte).read(this.#lanes.byteLength)
    this.addBytes(mask, sign)
    wipe(mask)
  }

  store(): void {}

  wipe(): void {
    this.#lanes = new Uint16Array(0)
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Lanes | Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step
}
