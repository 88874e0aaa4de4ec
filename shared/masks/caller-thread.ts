/** Adding masks on the caller's own thread, in pieces with turns of the event loop between them. */
import { setImmediate } from 'node:timers/promises'
import { MaskStreams } from './mask-streams.ts'
import type { MaskWork } from './mask-work.ts'
import { type Arithmetic, newTile, type Tile } from './tile.ts'
import { lanesOfTile, tilesOf } from './tile-range.ts'

/** Keystream between two turns of the event loop: well below a millisecond's worth. */
const BYTES_PER_TURN = 512 * 1024

/** Tiles at rest. Work that overlaps has one each. */
const spareTiles = new Map<Arithmetic, Tile[]>([
  ['kernels', []],
  ['plain', []],
])

/** Adds the masks. Rejects with the signal's reason; the target is then half done and worthless. */
export async function addOnCallerThread(work: MaskWork): Promise<void> {
  const { target, firstLane, seeds, arithmetic, source, signal, onProgress } = work
  const spare = spareTiles.get(arithmetic)
  const tile = spare?.pop() ?? newTile(arithmetic)
  const streams = new MaskStreams({ seeds, tile, source })
  const range = tilesOf(target, firstLane)
  let doneBytes = 0
  let bytesThisTurn = 0
  try {
    for (let at = range.first; at < range.end; at += 1) {
      const { lanes, fromByte } = lanesOfTile(target, firstLane, { tile: at, tileBytes: range.tileBytes })
      for (const bytes of streams.addTo(lanes, fromByte)) {
        doneBytes += bytes
        bytesThisTurn += bytes
        if (bytesThisTurn < BYTES_PER_TURN) continue
        bytesThisTurn = 0
        onProgress?.(doneBytes)
        await setImmediate()
        signal?.throwIfAborted()
      }
    }
  } finally {
    streams.close()
    tile.wipe()
    spare?.push(tile)
  }
}
