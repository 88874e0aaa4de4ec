/** A thread that does mask tasks: one job after the other, tile by tile, until none is left or it is told to stop. */
import { parentPort } from 'node:worker_threads'
import { invariant } from '../errors.ts'
import { type FromMaskThread, JobBoard, type MaskJob } from './mask-job.ts'
import { rangeOf } from './mask-task.ts'
import { lanesOfTile } from './tile-range.ts'
import { beginTask } from './tile-work.ts'

invariant(parentPort !== null, 'this module is the main module of a worker thread')
const port = parentPort

port.on('message', (job: MaskJob) => {
  try {
    work(job)
    say({ kind: 'ended', id: job.id })
  } catch (error) {
    say({ kind: 'failed', id: job.id, message: error instanceof Error ? error.message : String(error) })
  }
})
say({ kind: 'ready' })

function work({ task, tileBytes, stretch, board: memory }: MaskJob): void {
  const board = new JobBoard(memory)
  const range = rangeOf(task)
  const tiles = beginTask(task)
  try {
    for (let tile = board.claim(stretch); tile !== null; tile = board.claim(stretch)) {
      const { from, to } = lanesOfTile(range, { tile, tileBytes })
      for (const bytes of tiles.lanes(from, to)) {
        board.addDone(bytes)
        if (board.isStopped) return
      }
    }
  } finally {
    tiles.close()
  }
}

function say(message: FromMaskThread): void {
  port.postMessage(message)
}
