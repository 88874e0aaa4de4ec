/**
 * The masked inputs of one session on their way in: one spool file per participant of the roster, named by its index, handed
 * over once to be added up.
 */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UPLOAD_BLOCK_BYTES } from '../../shared/vector/upload-digest.ts'
import type { SessionJournal } from './session-journal.ts'
import { spoolFileOf } from './spool-files.ts'
import { type SpoolLayout, UploadSpool } from './upload-spool.ts'

export class UploadDesk {
  readonly #folder: string
  readonly #sessionId: string
  readonly #layout: SpoolLayout
  readonly #journal: Pick<SessionJournal, 'recordBlocks' | 'forgetBlocks'>
  readonly #spools = new Map<number, UploadSpool>()

  constructor(input: {
    readonly folder: string
    readonly sessionId: string
    readonly layout: SpoolLayout
    readonly journal: Pick<SessionJournal, 'recordBlocks' | 'forgetBlocks'>
  }) {
    this.#folder = input.folder
    this.#sessionId = input.sessionId
    this.#layout = input.layout
    this.#journal = input.journal
  }

  /** The file of a roster index. */
  pathOf(index: number): string {
    return join(this.#folder, spoolFileOf(this.#sessionId, index))
  }

  /** Goes on with uploads of an earlier process; one whose file is shorter than its blocks begins again. */
  async restore(blocks: ReadonlyMap<number, readonly Uint8Array[]>): Promise<void> {
    for (const [index, whole] of blocks) {
      const size = await stat(this.pathOf(index)).then(
        (file) => file.size,
        () => 0,
      )
      if (size < whole.length * UPLOAD_BLOCK_BYTES) await this.#journal.forgetBlocks(index)
      else this.#spools.set(index, this.#spool(index, whole))
    }
  }

  /** The participant's spool, made when it has none. */
  spoolOf(index: number): UploadSpool {
    const present = this.#spools.get(index) ?? this.#spool(index)
    this.#spools.set(index, present)
    return present
  }

  acknowledgedBytes(index: number): number {
    return this.#spools.get(index)?.acknowledgedBytes ?? 0
  }

  /** Hands the file over: nothing more is written to it, and its new owner deletes it. Its path, once it is closed. */
  async take(index: number): Promise<string> {
    const spool = this.#spools.get(index)
    this.#spools.delete(index)
    await spool?.close()
    return this.pathOf(index)
  }

  /** Nothing more is written; the files stay. */
  async close(): Promise<void> {
    await Promise.all([...this.#spools.values()].map((spool) => spool.close()))
  }

  /** Throws away everything not handed over: the stage has closed. */
  async discardAll(): Promise<void> {
    const left = [...this.#spools]
    this.#spools.clear()
    await Promise.all(left.map(([, spool]) => spool.discard()))
    for (const [index] of left) await this.#journal.forgetBlocks(index)
  }

  #spool(index: number, whole: readonly Uint8Array[] = []): UploadSpool {
    const blocks = {
      record: (first: number, digests: readonly Uint8Array[]) => this.#journal.recordBlocks(index, first, digests),
      forget: () => this.#journal.forgetBlocks(index),
    }
    return new UploadSpool(this.pathOf(index), this.#layout, { blocks, whole })
  }
}
