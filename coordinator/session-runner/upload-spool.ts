/**
 * One participant's masked input on its way in: bytes go to a file of their own, in order, resumable by offset. What was
 * acknowledged is fixed: the same bytes may come again, others are refused. A second stream of the same participant takes
 * over from the first.
 *
 * The digests of whole blocks are recorded once the bytes are on disk, while more bytes come: after a restart the upload
 * goes on behind the last recorded block, and nothing before it is hashed again.
 */
import { type FileHandle, open, rm } from 'node:fs/promises'
import { equalBytes } from '../../shared/crypto/digest.ts'
import type { MessageOutcome } from '../../shared/protocol/messages.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import { refusePacked } from '../../shared/vector/packing.ts'
import { UPLOAD_BLOCK_BYTES, UploadDigest } from '../../shared/vector/upload-digest.ts'
import { storageFailure } from '../store/storage-failure.ts'
import { syncFolderOf } from './sync-folder.ts'

export interface SpoolLayout {
  readonly lengthLanes: number
  readonly modulusBits: number
  readonly packedBytes: number
}

/** Where one upload's block digests are kept. */
export interface BlockRecord {
  record(first: number, digests: readonly Uint8Array[]): Promise<void>
  forget(): Promise<void>
}

export class UploadSpool {
  readonly path: string
  readonly #layout: SpoolLayout
  readonly #blocks: BlockRecord
  #digest: UploadDigest
  #file: FileHandle | null = null
  #acknowledged: number
  #lastByte = 0
  #recorded: number
  #recording: Promise<void> | null = null
  #stream = 0
  #isClosed = false
  #queue: Promise<unknown> = Promise.resolve()

  /** Begins behind the whole blocks of an earlier process, if there are any. */
  constructor(
    path: string,
    layout: SpoolLayout,
    { blocks, whole = [] }: { readonly blocks: BlockRecord; readonly whole?: readonly Uint8Array[] },
  ) {
    this.path = path
    this.#layout = layout
    this.#blocks = blocks
    this.#digest = new UploadDigest(whole)
    this.#recorded = whole.length
    this.#acknowledged = whole.length * UPLOAD_BLOCK_BYTES
  }

  get acknowledgedBytes(): number {
    return this.#acknowledged
  }

  /** Begins a stream, ending the one before; returns the number that its chunks come with. */
  takeOver(): number {
    this.#stream += 1
    return this.#stream
  }

  /**
   * Takes a chunk that begins at `offset`. Chunks are written one after the other, whoever sends them.
   * @throws ProtocolError `late`, `malformed` for a gap, `wrong_length` past the end, `conflicting_repeat` for other bytes;
   * StorageFailure when there is no room for it: it may come again.
   */
  write(stream: number, offset: number, chunk: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      this.#refuseUnlessCurrent(stream)
      const { packedBytes } = this.#layout
      refuseIf(offset > this.#acknowledged, 'malformed', `bytes at ${offset}, acknowledged are ${this.#acknowledged}`)
      const end = offset + chunk.length
      refuseIf(end > packedBytes, 'wrong_length', `a masked input is ${packedBytes} bytes here, ${end} came`)
      const known = Math.min(chunk.length, this.#acknowledged - offset)
      const file = await this.#opened()
      if (known > 0) {
        const stored = new Uint8Array(known)
        await file.read(stored, 0, known, offset)
        const isSame = equalBytes(stored, chunk.subarray(0, known))
        refuseIf(!isSame, 'conflicting_repeat', `other bytes at ${offset} than those acknowledged`)
      }
      const fresh = chunk.subarray(known)
      if (fresh.length === 0) return
      await writeAt(file, fresh, this.#acknowledged).catch((error: unknown) => {
        throw storageFailure(error)
      })
      this.#digest.update(fresh)
      this.#acknowledged += fresh.length
      this.#lastByte = fresh[fresh.length - 1] ?? 0
      this.#recording ??= this.#recordBlocks(file)
    })
  }

  /**
   * Has the whole input judged by its digest, once all of it is there, on disk, and its padding is zero. What is rejected is
   * thrown away: it may begin again from the first byte. Safety: between the digest and the outcome no other stream has a
   * turn, so what counts is what was hashed.
   * @throws ProtocolError `late`, `wrong_length`, `malformed`; StorageFailure; what `judge` throws, and then nothing is lost.
   */
  finish(stream: number, judge: (digest: Uint8Array) => Promise<MessageOutcome>): Promise<MessageOutcome> {
    return this.#inTurn(async () => {
      this.#refuseUnlessCurrent(stream)
      const { lengthLanes, modulusBits } = this.#layout
      const file = await this.#opened()
      const whole = { lengthBytes: this.#acknowledged, lastByte: this.#lastByte, lengthLanes, modulusBits }
      const refusal = refusePacked(whole)
      const code = refusal?.code === 'packed_padding_not_zero' ? 'malformed' : 'wrong_length'
      refuseIf(refusal !== null, code, refusal?.message ?? '')
      await this.#recording
      try {
        await file.sync()
        await syncFolderOf(this.path)
      } catch (error) {
        throw storageFailure(error)
      }
      const outcome = await judge(this.#digest.final())
      // A closed file is no longer ours: it counts already, or is about to be deleted.
      if (outcome.kind === 'rejected' && !this.#isClosed) await this.#throwAway()
      return outcome
    })
  }

  /** No more bytes; the file stays for whoever reads it. */
  close(): Promise<void> {
    this.#isClosed = true
    return this.#inTurn(async () => {
      await this.#recording
      await this.#file?.close()
      this.#file = null
    })
  }

  /** No more bytes, and the file is deleted. */
  async discard(): Promise<void> {
    await this.close()
    await rm(this.path, { force: true })
  }

  async #throwAway(): Promise<void> {
    // Crash here: the file is longer than the rows say, and is cut when it is opened.
    await this.#blocks.forget()
    await this.#file?.truncate(0)
    this.#digest = new UploadDigest()
    this.#recorded = 0
    this.#acknowledged = 0
  }

  async #opened(): Promise<FileHandle> {
    if (this.#file !== null) return this.#file
    const isNew = this.#acknowledged === 0
    try {
      const file = await open(this.path, isNew ? 'w+' : 'r+', 0o600)
      this.#file = file
      if (isNew) return file
      await file.truncate(this.#acknowledged)
      const last = new Uint8Array(1)
      await file.read(last, 0, 1, this.#acknowledged - 1)
      this.#lastByte = last[0] ?? 0
      return file
    } catch (error) {
      throw storageFailure(error)
    }
  }

  /** One after the other; whole blocks that came meanwhile share a sync and a commit. A block not recorded may come again. */
  async #recordBlocks(file: FileHandle): Promise<void> {
    try {
      for (;;) {
        const whole = Math.floor(this.#acknowledged / UPLOAD_BLOCK_BYTES)
        if (whole <= this.#recorded || this.#isClosed) return
        const digests = this.#digest.blockDigests.slice(this.#recorded, whole)
        await file.datasync()
        await this.#blocks.record(this.#recorded, digests)
        this.#recorded = whole
      }
    } catch {
      // Recorded with the next block, or never: an upload that is whole needs no blocks.
    } finally {
      this.#recording = null
    }
  }

  #refuseUnlessCurrent(stream: number): void {
    refuseIf(this.#isClosed, 'late', 'the stage of masked inputs has closed')
    refuseIf(stream !== this.#stream, 'late', 'another stream of the same participant has taken over')
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(step)
    this.#queue = done.catch(() => undefined)
    return done
  }
}

async function writeAt(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, offset + written)
    written += bytesWritten
  }
}
