/**
 * The masked inputs of one session on their way in: one spool file per participant, handed over once to be added up.
 */
import { join } from 'node:path'
import { type SpoolLayout, UploadSpool } from './upload-spool.ts'

export class UploadDesk {
  readonly #folder: string
  readonly #prefix: string
  readonly #layout: SpoolLayout
  readonly #spools = new Map<string, UploadSpool>()
  #made = 0

  constructor(input: { readonly folder: string; readonly prefix: string; readonly layout: SpoolLayout }) {
    this.#folder = input.folder
    this.#prefix = input.prefix
    this.#layout = input.layout
  }

  /** The participant's spool, made when it has none. */
  spoolOf(spiffeId: string): UploadSpool {
    const present = this.#spools.get(spiffeId)
    if (present !== undefined) return present
    this.#made += 1
    const spool = new UploadSpool(join(this.#folder, `${this.#prefix}-${this.#made}`), this.#layout)
    this.#spools.set(spiffeId, spool)
    return spool
  }

  acknowledgedBytes(spiffeId: string): number {
    return this.#spools.get(spiffeId)?.acknowledgedBytes ?? 0
  }

  /** Hands the spool over: nothing more is written to it, and its new owner deletes it. */
  take(spiffeId: string): UploadSpool {
    const spool = this.spoolOf(spiffeId)
    this.#spools.delete(spiffeId)
    return spool
  }

  /** Throws away what one participant has sent; it may begin again from the first byte. */
  async discard(spiffeId: string): Promise<void> {
    await this.take(spiffeId).discard()
  }

  /** Throws away everything not handed over: the stage has closed. */
  async discardAll(): Promise<void> {
    const left = [...this.#spools.values()]
    this.#spools.clear()
    await Promise.all(left.map((spool) => spool.discard()))
  }
}
