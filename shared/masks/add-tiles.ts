/** Masks added to lanes that are there already. */
import type { Lanes } from '../vector/encoding.ts'
import { MaskStreams } from './mask-streams.ts'
import { type AddTask, seedsOf } from './mask-task.ts'
import type { Tile } from './tile.ts'
import type { TileWork } from './tile-work.ts'

export class AddTiles implements TileWork {
  readonly #target: Lanes
  readonly #firstLane: number
  readonly #tile: Tile
  readonly #streams: MaskStreams

  constructor({ target, firstLane, masks }: AddTask, tile: Tile) {
    this.#target = target
    this.#firstLane = firstLane
    this.#tile = tile
    this.#streams = new MaskStreams({ seeds: seedsOf(masks), tile, source: masks.source })
  }

  *lanes(from: number, to: number): Generator<number, void> {
    const lanes = this.#target.subarray(from - this.#firstLane, to - this.#firstLane)
    this.#tile.load(lanes)
    yield* this.#streams.addTo(lanes.byteLength, from * lanes.BYTES_PER_ELEMENT)
    this.#tile.store()
  }

  close(): void {
    this.#streams.close()
  }
}
