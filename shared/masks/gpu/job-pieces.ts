/** Cuts a range of lanes into jobs of whole blocks: a GPU counts in blocks of the keystream, a vector starts anywhere. */
import { BLOCK_BYTES, MOST_BLOCKS_PER_JOB } from './frames.ts'

export interface LaneRange {
  readonly firstLane: number
  readonly lengthLanes: number
  readonly laneBytes: 2 | 4
}

export interface JobPiece {
  readonly firstBlock: number
  readonly blocks: number
  /** Where the piece starts in the target, and how many lanes it has. */
  readonly start: number
  readonly lengthLanes: number
  /** Lanes of the first block that come before the target's. */
  readonly skippedLanes: number
}

/** In order, without gaps; only the first piece skips lanes. */
export function jobPieces({ firstLane, lengthLanes, laneBytes }: LaneRange, most = MOST_BLOCKS_PER_JOB): JobPiece[] {
  const lanesPerBlock = BLOCK_BYTES / laneBytes
  const pieces: JobPiece[] = []
  for (let start = 0; start < lengthLanes; ) {
    const firstBlock = Math.floor((firstLane + start) / lanesPerBlock)
    const skippedLanes = (firstLane + start) % lanesPerBlock
    const length = Math.min(lengthLanes - start, most * lanesPerBlock - skippedLanes)
    const blocks = Math.ceil((skippedLanes + length) / lanesPerBlock)
    pieces.push({ firstBlock, blocks, start, lengthLanes: length, skippedLanes })
    start += length
  }
  return pieces
}
