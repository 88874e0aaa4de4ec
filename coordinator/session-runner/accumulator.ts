/**
 * The one vector a session holds: the sum of masked inputs, then of inputs. Files are folded in one after the other, in
 * slices with a turn of the event loop between them, so that calls are answered meanwhile.
 *
 * A file that was folded stays until the sum is on disk with it: the sum is written to a new file, then one row names this
 * file and everybody in it, then the sum of before and the files of those in it are deleted. Whatever is not in the sum of
 * the row is folded again after a restart, and nothing that is in it.
 */
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { equalBytes } from '../../shared/crypto/digest.ts'
import { invariant } from '../../shared/errors.ts'
import type { MaskEngine, MaskSeed } from '../../shared/masks/mask-engine.ts'
import { unpackAdd } from '../../shared/masks/unpack-add.ts'
import { type Lanes, sharedZeroLanes, type VectorLayout } from '../../shared/vector/encoding.ts'
import { PackedReader } from '../../shared/vector/packing.ts'
import { UploadDigest } from '../../shared/vector/upload-digest.ts'
import { isDiskFull, StorageFailure } from '../store/storage-failure.ts'
import type { SumOnDisk } from './session-journal.ts'
import { readSumFile, writeSumFile } from './sum-file.ts'

/** Well below a millisecond of unpacking. */
const SLICE_BYTES = 512 * 1024

export interface AccumulatorRequest {
  readonly layout: VectorLayout
  readonly folder: string
  /** What the names of sum files begin with. */
  readonly prefix: string
  /** So many bytes of files are kept beside the sum before it is written to disk. */
  readonly checkpointBytes: number
  /** The sum to begin with, of an earlier process. */
  readonly sum: SumOnDisk | null
  readonly recordSum: (sum: SumOnDisk) => Promise<void>
  /** Held at between the new file and its row, and between the row and the deletions. */
  readonly reach: (point: 'hold-before-sum-row' | 'hold-after-sum-row') => Promise<void>
  /** Told once, as soon as it is known that there will be no sum. */
  readonly onFailure: (error: unknown) => void
}

/** A file that is in the sum in memory, and not in the one on disk. */
interface Unreleased {
  readonly index: number
  readonly path: string
}

export class Accumulator {
  readonly #request: AccumulatorRequest
  readonly #lanes: Lanes
  #sum: SumOnDisk | null
  #written: number
  readonly #unreleased: Unreleased[] = []
  /** Written, and perhaps named by the row, though its commit failed. */
  readonly #doubtful: string[] = []
  #queue: Promise<void>
  #failure: unknown = null

  constructor(request: AccumulatorRequest) {
    const { layout, folder, sum } = request
    this.#request = request
    // Shared, so that the mask engine's threads take the masks off in place.
    this.#lanes = sharedZeroLanes(layout.lengthLanes, layout.modulusBits)
    this.#sum = sum
    this.#written = sum?.contributors.length ?? 0
    this.#queue =
      sum === null
        ? Promise.resolve()
        : this.#unlessFailed(() => readSumFile(join(folder, sum.file), this.#lanes, sum.digest))
  }

  /**
   * Adds a whole, checked masked input, once. Its file is deleted when the sum on disk has it. A file with other bytes than
   * those of the receipt's digest makes the sum fail.
   */
  fold(index: number, path: Promise<string> | string, digest: Uint8Array): void {
    this.#queue = this.#queue.then(() =>
      this.#unlessFailed(async () => {
        const file = { index, path: await path }
        const isWhole = equalBytes(await this.#addFile(file.path), digest)
        invariant(isWhole, `the masked input of index ${index} has other bytes on disk than those it signed`)
        this.#unreleased.push(file)
        const { checkpointBytes, layout } = this.#request
        if (this.#unreleased.length * layout.packedBytes >= checkpointBytes) await this.#checkpoint()
      }),
    )
  }

  /** Once every file given is in the sum: `null`, or why there will be none. */
  async settled(): Promise<unknown> {
    await this.#queue
    return this.#failure
  }

  /** Waits for every fold, takes the masks off and returns the sum; rejects when a fold failed or on the signal. */
  async unmask(engine: MaskEngine, masks: readonly MaskSeed[], signal: AbortSignal): Promise<Lanes> {
    await this.#queue
    if (this.#failure !== null) throw this.#failure
    await engine.accumulate(this.#lanes, masks, { signal })
    return this.#lanes
  }

  /** Overwrites the sum in memory once nothing is being added any more; the files stay. */
  async wipe(): Promise<void> {
    await this.#queue
    this.#lanes.fill(0)
  }

  /** Deletes the files: the session has ended, durably. */
  async discard(): Promise<void> {
    await this.#queue
    const { folder } = this.#request
    if (this.#sum !== null) await rm(join(folder, this.#sum.file), { force: true })
    for (const path of [...this.#doubtful, ...this.#unreleased.map((file) => file.path)])
      await rm(path, { force: true })
  }

  async #checkpoint(): Promise<void> {
    const { folder, prefix, recordSum, reach } = this.#request
    const before = this.#sum
    const contributors = [...(before?.contributors ?? []), ...this.#unreleased.map(({ index }) => index)]
    this.#written += 1
    const file = `${prefix}-${this.#written}`
    const path = join(folder, file)
    // What fails here is tried again by the next fold or after a restart: the files that are in the sum are all still there.
    try {
      const sum = { file, digest: await writeSumFile(path, this.#lanes), contributors }
      await reach('hold-before-sum-row')
      await recordSum(sum)
      this.#sum = sum
    } catch (error) {
      if (error instanceof StorageFailure) this.#doubtful.push(path)
      else await rm(path, { force: true })
      if (error instanceof StorageFailure || isDiskFull(error)) return
      throw error
    }
    await reach('hold-after-sum-row')
    const released = [...this.#doubtful.splice(0), ...this.#unreleased.splice(0).map((folded) => folded.path)]
    if (before !== null) released.push(join(folder, before.file))
    for (const old of released) await rm(old, { force: true })
  }

  async #unlessFailed(step: () => Promise<void>): Promise<void> {
    if (this.#failure !== null) return
    try {
      await step()
    } catch (error) {
      this.#failure = error
      this.#request.onFailure(error)
    }
  }

  /** Returns the digest of the bytes that were added. */
  async #addFile(path: string): Promise<Uint8Array> {
    const { modulusBits } = this.#request.layout
    const reader = new PackedReader({ accumulator: this.#lanes, modulusBits, addLanes: unpackAdd })
    const digest = new UploadDigest()
    const file = await open(path, 'r')
    try {
      const slice = new Uint8Array(SLICE_BYTES)
      for (;;) {
        const { bytesRead } = await file.read(slice, 0, SLICE_BYTES, null)
        if (bytesRead === 0) break
        digest.update(slice.subarray(0, bytesRead))
        reader.push(slice.subarray(0, bytesRead))
        await setImmediate()
      }
    } finally {
      await file.close()
    }
    invariant(reader.finish() === null, 'only checked masked inputs are folded')
    return digest.final()
  }
}
