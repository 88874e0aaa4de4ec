/**
 * An update made into masked, packed bytes, tile by tile: clipped, weighted and rounded, all masks added, packed and digested.
 * Its lanes exist in the tile alone, and leave it masked. The same bytes as shared/vector and the plain engine make.
 */
import type { Cipheriv } from 'node:crypto'
import { wipe } from '../crypto/secrets.ts'
import { BlockDigests } from './block-digests.ts'
import { cipherAt, giveBack, nextBytes } from './keystream-cipher.ts'
import { MaskStreams } from './mask-streams.ts'
import { type InputTask, seedsOf } from './mask-task.ts'
import { type KernelTile, ROUNDED_LANES } from './tile.ts'
import type { TileWork } from './tile-work.ts'

const WORD_BYTES = 4

export class InputTiles implements TileWork {
  readonly #task: InputTask
  readonly #tile: KernelTile
  readonly #streams: MaskStreams
  readonly #digests: BlockDigests
  #rounding: Cipheriv | null = null
  /** The lane whose word `#rounding` gives next. */
  #nextWord = Number.NaN

  constructor(task: InputTask, tile: KernelTile) {
    const { masks, blocks, packed } = task
    this.#task = task
    this.#tile = tile
    this.#streams = new MaskStreams({ seeds: seedsOf(masks), tile, source: masks.source })
    this.#digests = new BlockDigests(blocks, packed)
  }

  *lanes(from: number, to: number): Generator<number, void> {
    const { range, rounding, packed } = this.#task
    const { laneBytes } = range
    this.#tile.begin(to - from, laneBytes)
    this.#makeLanes(from, to)
    yield* this.#streams.addTo((to - from) * laneBytes, from * laneBytes)
    // A tile starts at a multiple of 8 lanes, which are whole bytes.
    const bytes = [(from * rounding.modulusBits) / 8, Math.ceil((to * rounding.modulusBits) / 8)] as const
    this.#tile.pack(packed.subarray(...bytes), rounding.modulusBits)
    this.#digests.written(...bytes)
  }

  close(): void {
    this.#streams.close()
    this.#rounding?.final()
    this.#rounding = null
  }

  #makeLanes(from: number, to: number): void {
    const { range, update, rounding, parameterLanes, scalarLanes } = this.#task
    for (let lane = from; lane < Math.min(to, parameterLanes); lane += ROUNDED_LANES) {
      const end = Math.min(lane + ROUNDED_LANES, to, parameterLanes)
      this.#bringWords(lane, end - lane)
      this.#tile.round(update.subarray(lane - range.firstLane, end - range.firstLane), lane - from, rounding)
    }
    const firstScalar = Math.max(from, parameterLanes)
    if (firstScalar >= to) return
    this.#tile.setLanes(scalarLanes.subarray(firstScalar - parameterLanes, to - parameterLanes), firstScalar - from)
  }

  #bringWords(lane: number, count: number): void {
    const { rounding, masks } = this.#task
    if (masks.source === 'tile') {
      this.#tile.makeWords(rounding.seed, lane * WORD_BYTES, count)
      return
    }
    if (this.#rounding === null || this.#nextWord !== lane) {
      this.#rounding?.final()
      this.#rounding = cipherAt(rounding.seed, lane * WORD_BYTES)
    }
    const words = nextBytes(this.#rounding, count * WORD_BYTES)
    this.#tile.loadWords(words)
    wipe(words)
    giveBack(words)
    this.#nextWord = lane + count
  }
}
