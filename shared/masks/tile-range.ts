/**
 * How lanes are cut into tiles. Tiles end at multiples of the tile's size in the keystream, so that only the first can start
 * inside a block, wherever in the vector the lanes stand.
 */
import { TILE_BYTES } from './tile.ts'

const LEAST_TILE_BYTES = 4 * 1024
/** Enough tiles per thread that all end at about the same time. */
const TILES_PER_THREAD = 4

/** So many lanes of the whole vector, from `firstLane` on. */
export interface LaneRange {
  readonly firstLane: number
  readonly lengthLanes: number
  readonly laneBytes: number
}

/** Tiles `first` up to but not including `end`, counted from the start of the keystream. */
export interface TileRange {
  readonly tileBytes: number
  readonly first: number
  readonly end: number
}

/** The tiles of a range, small enough to keep so many threads busy. */
export function tilesOf({ firstLane, lengthLanes, laneBytes }: LaneRange, threads = 1): TileRange {
  const [startByte, lengthBytes] = [firstLane * laneBytes, lengthLanes * laneBytes]
  let tileBytes = TILE_BYTES
  if (threads > 1) {
    while (tileBytes > LEAST_TILE_BYTES && lengthBytes < tileBytes * threads * TILES_PER_THREAD) tileBytes /= 2
  }
  return {
    tileBytes,
    first: Math.floor(startByte / tileBytes),
    end: Math.ceil((startByte + lengthBytes) / tileBytes),
  }
}

/** The lanes of one tile, as they are counted in the whole vector: `from` up to but not including `to`. */
export function lanesOfTile(
  { firstLane, lengthLanes, laneBytes }: LaneRange,
  { tile, tileBytes }: { readonly tile: number; readonly tileBytes: number },
): { readonly from: number; readonly to: number } {
  return {
    from: Math.max((tile * tileBytes) / laneBytes, firstLane),
    to: Math.min(((tile + 1) * tileBytes) / laneBytes, firstLane + lengthLanes),
  }
}
