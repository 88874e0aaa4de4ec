/**
 * A task on one thread: does the tiles it is given, in whatever order. What it holds of its own, ciphers and tile, keeps
 * nothing secret once it is closed.
 */
import { AddTiles } from './add-tiles.ts'
import { InputTiles } from './input-tiles.ts'
import type { MaskTask } from './mask-task.ts'
import { KernelTile, PlainTile, type Tile } from './tile.ts'

export interface TileWork {
  /**
   * Does lanes `from` up to but not including `to` of the whole vector, at most a tile of them. Yields after every mask, its
   * bytes; a caller that stops there leaves the tile undone or half done.
   */
  lanes(from: number, to: number): Generator<number, void>
  close(): void
}

/** Tiles at rest. Work that overlaps has one each. */
const kernelTiles: KernelTile[] = []
const plainTiles: PlainTile[] = []

/** Begins a task. It must be closed, whatever happens. */
export function beginTask(task: MaskTask): TileWork {
  if (task.kind === 'add' && task.arithmetic === 'plain') {
    const tile = plainTiles.pop() ?? new PlainTile()
    return closing(new AddTiles(task, tile), () => rest(tile, plainTiles))
  }
  const tile = kernelTiles.pop() ?? new KernelTile()
  const work = task.kind === 'add' ? new AddTiles(task, tile) : new InputTiles(task, tile)
  return closing(work, () => rest(tile, kernelTiles))
}

function closing(work: TileWork, andThen: () => void): TileWork {
  return {
    lanes: (from, to) => work.lanes(from, to),
    close: () => {
      work.close()
      andThen()
    },
  }
}

function rest<T extends Tile>(tile: T, spare: T[]): void {
  tile.wipe()
  spare.push(tile)
}
