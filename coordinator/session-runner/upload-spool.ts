/**
 * One participant's masked input on its way in: bytes go to a file of their own, in order, resumable by offset. What was
 * acknowledged is fixed: the same bytes may come again, others are refused. A second stream of the same participant takes
 * over from the first.
 */
import { type FileHandle, open, rm } from 'node:fs/promises'
import { equalBytes } from '../../shared/crypto/digest.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import { refusePacked } from '../../shared/vector/packing.ts'
import { UploadDigest } from '../../shared/vector/upload-digest.ts'

export interface SpoolLayout {
  readonly lengthLanes: number
  readonly modulusBits: number
  readonly packedBytes: number
}

export class UploadSpool {
  readonly path: string
  readonly #layout: SpoolLayout
  readonly #digest = new UploadDigest()
  #file: FileHandle | null = null
  #acknowledged = 0
  #lastByte = 0
  #stream = 0
  #isClosed = false
  #queue: Promise<unknown> = Promise.resolve()

  constructor(path: string, layout: SpoolLayout) {
    this.path = path
    this.#layout = layout
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
   * @throws ProtocolError `late`, `malformed` for a gap, `wrong_length` past the end, `conflicting_repeat` for other bytes.
   */
  write(stream: number, offset: number, chunk: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      this.#refuseUnlessCurrent(stream)
      const { packedBytes } = this.#layout
      refuseIf(offset > this.#acknowledged, 'malformed', `bytes at ${offset}, acknowledged are ${this.#acknowledged}`)
      const end = offset + chunk.length
      refuseIf(end > packedBytes, 'wrong_length', `a masked input is ${packedBytes} bytes here, ${end} came`)
      const known = Math.min(chunk.length, this.#acknowledged - offset)
      this.#file ??= await open(this.path, 'w+', 0o600)
      if (known > 0) {
        const stored = new Uint8Array(known)
        await this.#file.read(stored, 0, known, offset)
        const isSame = equalBytes(stored, chunk.subarray(0, known))
        refuseIf(!isSame, 'conflicting_repeat', `other bytes at ${offset} than those acknowledged`)
      }
      const fresh = chunk.subarray(known)
      if (fresh.length === 0) return
      await writeAt(this.#file, fresh, this.#acknowledged)
      this.#digest.update(fresh)
      this.#acknowledged += fresh.length
      this.#lastByte = fresh[fresh.length - 1] ?? 0
    })
  }

  /**
   * The digest of the whole input, once all of it is there and its padding is zero.
   * @throws ProtocolError `late`, `wrong_length`, `malformed`.
   */
  finish(stream: number): Promise<Uint8Array> {
    return this.#inTurn(async () => {
      this.#refuseUnlessCurrent(stream)
      const { lengthLanes, modulusBits } = this.#layout
      const whole = { lengthBytes: this.#acknowledged, lastByte: this.#lastByte, lengthLanes, modulusBits }
      const refusal = refusePacked(whole)
      const code = refusal?.code === 'packed_padding_not_zero' ? 'malformed' : 'wrong_length'
      refuseIf(refusal !== null, code, refusal?.message ?? '')
      return this.#digest.final()
    })
  }

  /** No more bytes; the file stays for whoever reads it. */
  close(): Promise<void> {
    this.#isClosed = true
    return this.#inTurn(async () => {
      await this.#file?.close()
      this.#file = null
    })
  }

  /** No more bytes, and the file is deleted. */
  async discard(): Promise<void> {
    await this.close()
    await rm(this.path, { force: true })
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
