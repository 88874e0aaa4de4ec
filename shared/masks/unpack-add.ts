/**
 * Packed lanes added to lanes, in WebAssembly: ten to twenty times as fast as the plain loop of shared/vector/packing.ts, which is the
 * reference and stands in where the runtime has no WASM SIMD.
 */
import type { Lanes } from '../vector/encoding.ts'
import { type AddPackedLanes, addPackedLanes } from '../vector/packing.ts'
import { hasKernels, instantiateKernels, KERNELS_FREE_FROM, type Kernels } from './kernels.ts'

/** A whole number of groups of 8 lanes of either width; small enough for the processor's cache with its packed bytes. */
const TILE_LANES = 32 * 1024
const TARGET_AT = KERNELS_FREE_FROM
/** Packed lanes have at most 4 bytes. */
const PACKED_AT = TARGET_AT + TILE_LANES * 4 + 1024

let kernels: Kernels | undefined

/** Fastest way there is here. One instance serves all: nothing of a call is left for the next, and none waits in the middle. */
export const unpackAdd: AddPackedLanes = hasKernels() ? addInTiles : addPackedLanes

function addInTiles(target: Lanes, packed: Uint8Array, modulusBits: number): void {
  kernels ??= instantiateKernels()
  const add = target.BYTES_PER_ELEMENT === 2 ? kernels.unpackAdd16 : kernels.unpackAdd32
  const memory = new Uint8Array(kernels.memory.buffer)
  for (let lane = 0; lane < target.length; lane += TILE_LANES) {
    const tile = target.subarray(lane, lane + TILE_LANES)
    const tileBytes = new Uint8Array(tile.buffer, tile.byteOffset, tile.byteLength)
    const from = (lane / 8) * modulusBits
    memory.set(tileBytes, TARGET_AT)
    memory.set(packed.subarray(from, from + Math.ceil((tile.length * modulusBits) / 8)), PACKED_AT)
    add(TARGET_AT, PACKED_AT, tile.length, modulusBits)
    tileBytes.set(memory.subarray(TARGET_AT, TARGET_AT + tile.byteLength))
  }
}
