/** The participants of one thread, as the coordinator's side sees them. A thread that ends by itself ends the simulation. */
import { Worker } from 'node:worker_threads'
import { ConfigError, unreachable } from '../shared/errors.ts'
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

interface Waiting<T> {
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

export class Crew {
  readonly places: readonly number[]
  readonly #worker: Worker
  readonly #obeying = new Map<number, Waiting<Obeyed>>()
  #adding: Waiting<Lanes> | null = null
  #events: CrewEvents | null = null
  #failure: unknown = null
  #isEnding = false

  constructor(start: ThreadStart) {
    this.places = start.own.map(([place]) => place)
    this.#worker = new Worker(siblingModule(import.meta.url, './thread'), { workerData: start })
    const ended = (reason: string, cause?: unknown) =>
      new ConfigError('simulation_thread_failed', `a thread of participants ended: ${reason}`, { cause })
    this.#worker.on('error', (error: Error) => this.#fail(ended(error.message, error)))
    this.#worker.on('exit', (code) => {
      if (!this.#isEnding) this.#fail(ended(`exit code ${code}`))
    })
    this.#worker.on('message', (message: FromThread) => {
      try {
        this.#hear(message)
      } catch (error) {
        this.#fail(error)
      }
    })
  }

  /** Who hears what participants send from now on. What they throw ends the work under way. */
  listen(events: CrewEvents): void {
    this.#events = events
  }

  tell(message: Exclude<ToThread, { kind: 'instruct' | 'add-up' }>): void {
    this.#worker.postMessage(message)
  }

  /** Resolves when the participant has obeyed and all it sent has been heard. Rejects when the thread ends by itself. */
  instruct(place: number, bytes: Uint8Array): Promise<Obeyed> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) return reject(this.#failure)
      this.#obeying.set(place, { resolve, reject })
      this.#worker.postMessage({ kind: 'instruct', place, bytes } satisfies ToThread, [bytes.buffer as ArrayBuffer])
    })
  }

  /** The plaintext sum of these participants of this crew. Rejects when the thread ends by itself. */
  addUp(survivors: readonly number[]): Promise<Lanes> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) return reject(this.#failure)
      this.#adding = { resolve, reject }
      this.#worker.postMessage({ kind: 'add-up', survivors } satisfies ToThread)
    })
  }

  async end(): Promise<void> {
    this.#isEnding = true
    await this.#worker.terminate()
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    for (const { reject } of this.#obeying.values()) reject(this.#failure)
    this.#obeying.clear()
    this.#adding?.reject(this.#failure)
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
        this.#obeying.get(message.place)?.resolve(message)
        this.#obeying.delete(message.place)
        return
      }
      case 'added-up':
        this.#adding?.resolve(message.lanes)
        this.#adding = null
        return
      default:
        unreachable(message)
    }
  }
}
