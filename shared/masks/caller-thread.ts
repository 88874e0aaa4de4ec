/** Mask tasks on the caller's own thread, in pieces with turns of the event loop between them. */
import { setImmediate } from 'node:timers/promises'
import { type MaskTask, rangeOf, type TaskOptions } from './mask-task.ts'
import { lanesOfTile, tilesOf } from './tile-range.ts'
import { beginTask } from './tile-work.ts'

/** Keystream between two turns of the event loop: well below a millisecond's worth. */
const BYTES_PER_TURN = 512 * 1024

/** Does the task. Rejects with the signal's reason; what was made is then worthless. */
export async function doOnCallerThread(task: MaskTask, { signal, onProgress }: TaskOptions): Promise<void> {
  const range = rangeOf(task)
  const { first, end, tileBytes } = tilesOf(range)
  const tiles = beginTask(task)
  let doneBytes = 0
  let bytesThisTurn = 0
  try {
    for (let tile = first; tile < end; tile += 1) {
      const { from, to } = lanesOfTile(range, { tile, tileBytes })
      for (const bytes of tiles.lanes(from, to)) {
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
    tiles.close()
  }
}
