/**
 * The one vector a session holds: the sum of masked inputs, then of inputs. Files are folded in one after the other, in
 * slices with a turn of the event loop between them, so that calls are answered meanwhile.
 */
import { open } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { invariant } from '../../shared/errors.ts'
import type { MaskEngine, MaskSeed } from '../../shared/masks/mask-engine.ts'
import { type Lanes, type VectorLayout, zeroLanes } from '../../shared/vector/encoding.ts'
import { PackedReader } from '../../shared/vector/packing.ts'
import type { UploadSpool } from './upload-spool.ts'

/** About a millisecond of unpacking. */
const SLICE_BYTES = 128 * 1024

export class Accumulator {
  readonly #layout: VectorLayout
  readonly #lanes: Lanes
  #queue: Promise<void> = Promise.resolve()
  #failure: unknown = null

  constructor(layout: VectorLayout) {
    this.#layout = layout
    this.#lanes = zeroLanes(layout.lengthLanes, layout.modulusBits)
  }

  /** Adds a whole, checked masked input, once, and deletes its file. */
  fold(spool: UploadSpool): void {
    this.#queue = this.#queue.then(async () => {
      try {
        await spool.close()
        await this.#addFile(spool.path)
        await spool.discard()
      } catch (error) {
        this.#failure ??= error
      }
    })
  }

  /** Waits for every fold, takes the masks off and returns the sum; rejects when a fold failed or on the signal. */
  async unmask(engine: MaskEngine, masks: readonly MaskSeed[], signal: AbortSignal): Promise<Lanes> {
    await this.#queue
    if (this.#failure !== null) throw this.#failure
    await engine.accumulate(this.#lanes, masks, { signal })
    return this.#lanes
  }

  /** Overwrites the sum once nothing is being added any more. */
  async wipe(): Promise<void> {
    await this.#queue
    this.#lanes.fill(0)
  }

  async #addFile(path: string): Promise<void> {
    const reader = new PackedReader({ accumulator: this.#lanes, modulusBits: this.#layout.modulusBits })
    const file = await open(path, 'r')
    try {
      const slice = new Uint8Array(SLICE_BYTES)
      for (;;) {
        const { bytesRead } = await file.read(slice, 0, SLICE_BYTES, null)
        if (bytesRead === 0) break
        reader.push(slice.subarray(0, bytesRead))
        await setImmediate()
      }
    } finally {
      await file.close()
    }
    invariant(reader.finish() === null, 'only checked masked inputs are folded')
  }
}
