/** A thread that adds masks: one job after the other, tile by tile, until none is left or it is told to stop. */
import { parentPort } from 'node:worker_threads'
import { invariant } from '../errors.ts'
import { type FromMaskThread, JobBoard, type MaskJob, seedsOf } from './mask-job.ts'
import { MaskStreams } from './mask-streams.ts'
import { type Arithmetic, newTile, type Tile } from './tile.ts'
import { lanesOfTile } from './tile-range.ts'

invariant(parentPort !== null, 'this module is the main module of a worker thread')
const port = parentPort
const tiles = new Map<Arithmetic, Tile>()

port.on('message', (job: MaskJob) => {
  try {
    work(job)
    say({ kind: 'ended', id: job.id })
  } catch (error) {
    say({ kind: 'failed', id: job.id, message: error instanceof Error ? error.message : String(error) })
  }
})
say({ kind: 'ready' })

function work(job: MaskJob): void {
  const { target, firstLane, tileBytes, arithmetic, source, stretch } = job
  const board = new JobBoard(job.board)
  const tile = tiles.get(arithmetic) ?? newTile(arithmetic)
  tiles.set(arithmetic, tile)
  const streams = new MaskStreams({ seeds: seedsOf(job), tile, source })
  try {
    for (let at = board.claim(stretch); at !== null; at = board.claim(stretch)) {
      const { lanes, fromByte } = lanesOfTile(target, firstLane, { tile: at, tileBytes })
      for (const bytes of streams.addTo(lanes, fromByte)) {
        board.addDone(bytes)
        if (board.isStopped) return
      }
    }
  } finally {
    streams.close()
    tile.wipe()
  }
}

function say(message: FromMaskThread): void {
  port.postMessage(message)
}
