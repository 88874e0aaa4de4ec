/**
 * How lanes are cut into tiles. Tiles end at multiples of the tile's size in the keystream, so that only the first can start
 * inside a block, wherever in the vector the lanes stand.
 */
import type { Lanes } from '../vector/encoding.ts'
import { TILE_BYTES } from './tile.ts'

const LEAST_TILE_BYTES = 4 * 1024
/** Enough tiles per thread that all end at about the same time. */
const TILES_PER_THREAD = 4

/** Tiles `first` up to but not including `end`, counted from the start of the keystream. */
export interface TileRange {
  readonly tileBytes: number
  readonly first: number
  readonly end: number
}

/** The tiles of so many lanes from `firstLane` on, small enough to keep so many threads busy. */
export function tilesOf(lanes: Lanes, firstLane: number, threads = 1): TileRange {
  const startByte = firstLane * lanes.BYTES_PER_ELEMENT
  let tileBytes = TILE_BYTES
  if (threads > 1) {
    while (tileBytes > LEAST_TILE_BYTES && lanes.byteLength < tileBytes * threads * TILES_PER_THREAD) tileBytes /= 2
  }
  return {
    tileBytes,
    first: Math.floor(startByte / tileBytes),
    end: Math.ceil((startByte + lanes.byteLength) / tileBytes),
  }
}

/** The lanes of one tile, and the byte of the keystream at which they start. */
export function lanesOfTile(
  lanes: Lanes,
  firstLane: number,
  { tile, tileBytes }: { readonly tile: number; readonly tileBytes: number },
): { readonly lanes: Lanes; readonly fromByte: number } {
  const laneBytes = lanes.BYTES_PER_ELEMENT
  const from = Math.max((tile * tileBytes) / laneBytes, firstLane)
  const to = Math.min(((tile + 1) * tileBytes) / laneBytes, firstLane + lanes.length)
  return { lanes: lanes.subarray(from - firstLane, to - firstLane), fromByte: from * laneBytes }
}
