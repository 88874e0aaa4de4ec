/** The participants of one thread, as the coordinator's side sees them. A thread that ends by itself ends the simulation. */
import { Worker } from 'node:worker_threads'
import { ConfigError, invariant } from '../shared/errors.ts'
import { siblingModule } from '../shared/runtime/sibling-module.ts'
import type { Lanes } from '../shared/vector/encoding.ts'
import type { FromThread, ThreadStart, ToThread } from './thread-messages.ts'

export type Obeyed = Extract<FromThread, { kind: 'obeyed' }>
export type Sent = Extract<FromThread, { kind: 'message' }>
export type Uploaded = Extract<FromThread, { kind: 'upload' }>

export interface CrewEvents {
  readonly onMessage: (message: Sent) => void
  /** Answers whether the upload counts. */
  readonly onUpload: (upload: Uploaded) => boolean
}

export class Crew {
  readonly places: readonly number[]
  readonly #worker: Worker
  readonly #obeying = new Map<number, (obeyed: Obeyed) => void>()
  #addedUp: (lanes: Lanes) => void = () => {}
  #events: CrewEvents | null = null
  #isEnding = false
  /** Rejects when the thread ends by itself. */
  readonly failed: Promise<never>

  constructor(start: ThreadStart) {
    this.places = start.own.map(([place]) => place)
    this.#worker = new Worker(siblingModule(import.meta.url, './thread'), { workerData: start })
    this.failed = new Promise((_, reject) => {
      const fail = (reason: string, cause?: unknown) =>
        reject(new ConfigError('simulation_thread_failed', `a thread of participants ended: ${reason}`, { cause }))
      this.#worker.on('error', (error: Error) => fail(error.message, error))
      this.#worker.on('exit', (code) => {
        if (!this.#isEnding) fail(`exit code ${code}`)
      })
    })
    // Looked at by whoever waits for work; until then it is no accident.
    this.failed.catch(() => {})
    this.#worker.on('message', (message: FromThread) => this.#hear(message))
  }

  /** Who hears what participants send from now on. */
  listen(events: CrewEvents): void {
    this.#events = events
  }

  tell(message: Exclude<ToThread, { kind: 'instruct' | 'add-up' | 'end' }>): void {
    this.#worker.postMessage(message)
  }

  /** Resolves when the participant has obeyed and all it sent has been heard. */
  async instruct(place: number, bytes: Uint8Array): Promise<Obeyed> {
    const obeyed = new Promise<Obeyed>((resolve) => this.#obeying.set(place, resolve))
    this.#worker.postMessage({ kind: 'instruct', place, bytes } satisfies ToThread, [bytes.buffer as ArrayBuffer])
    return await Promise.race([obeyed, this.failed])
  }

  /** The plaintext sum of these participants of this crew. */
  async addUp(survivors: readonly number[]): Promise<Lanes> {
    const lanes = new Promise<Lanes>((resolve) => {
      this.#addedUp = resolve
    })
    this.#worker.postMessage({ kind: 'add-up', survivors } satisfies ToThread)
    return await Promise.race([lanes, this.failed])
  }

  async end(): Promise<void> {
    this.#isEnding = true
    await this.#worker.terminate()
  }

  #hear(message: FromThread): void {
    switch (message.kind) {
      case 'message':
        this.#events?.onMessage(message)
        return
      case 'upload':
        this.tell({ kind: 'upload-answered', accepted: this.#events?.onUpload(message) ?? false })
        return
      case 'obeyed': {
        const resolve = this.#obeying.get(message.place)
        invariant(resolve !== undefined, 'only who was instructed has obeyed')
        this.#obeying.delete(message.place)
        resolve(message)
        return
      }
      case 'added-up':
        this.#addedUp(message.lanes)
    }
  }
}
