/**
 * Ends an upload that no longer deserves its slot: the participant hung up, began another stream, fell silent, or its
 * stage has closed. Without it one participant could hold every slot for ever.
 */
import { ProtocolError } from '../../shared/protocol/refusal.ts'

/** How long an upload may pass without a part. */
const SILENCE_MS = 60_000

/** The uploads under way, at most one per SPIFFE ID: a newer one ends the one before. */
export class UploadLives {
  readonly #silenceMs: number
  readonly #current = new Map<string, UploadLife>()

  constructor(silenceMs: number = SILENCE_MS) {
    this.#silenceMs = silenceMs
  }

  begin(owner: string): UploadLife {
    this.#current.get(owner)?.end(new ProtocolError('late', 'another stream of the same participant has taken over'))
    const life = new UploadLife(this.#silenceMs, () => {
      if (this.#current.get(owner) === life) this.#current.delete(owner)
    })
    this.#current.set(owner, life)
    return life
  }
}

/** One upload, from its call to its answer. */
export class UploadLife {
  readonly signal: AbortSignal
  readonly #abort = new AbortController()
  readonly #silenceMs: number
  readonly #onFinish: () => void
  #timer: NodeJS.Timeout

  constructor(silenceMs: number, onFinish: () => void) {
    this.signal = this.#abort.signal
    this.#silenceMs = silenceMs
    this.#onFinish = onFinish
    this.#timer = this.#wait()
  }

  /** A part has come: the silence begins anew. */
  heard(): void {
    clearTimeout(this.#timer)
    if (!this.signal.aborted) this.#timer = this.#wait()
  }

  /** The silence is ours: it waits for a slot. */
  pause(): void {
    clearTimeout(this.#timer)
  }

  end(reason: Error): void {
    clearTimeout(this.#timer)
    this.#abort.abort(reason)
  }

  /** Ends it with that signal's reason. */
  follow(signal: AbortSignal): void {
    if (signal.aborted) this.end(signal.reason)
    else signal.addEventListener('abort', () => this.end(signal.reason), { once: true, signal: this.signal })
  }

  /** The outcome of `work`, or a rejection as soon as the upload is ended. */
  async race<T>(work: Promise<T>): Promise<T> {
    const { signal } = this
    // Safety: nobody waits for `work` any more, and a destroyed call rejects it; unheard, that would end the process.
    work.catch(() => undefined)
    if (signal.aborted) throw signal.reason
    let stop = () => {}
    const ended = new Promise<never>((_, reject) => {
      stop = () => reject(signal.reason)
      signal.addEventListener('abort', stop, { once: true })
    })
    try {
      return await Promise.race([work, ended])
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  finish(): void {
    clearTimeout(this.#timer)
    this.#onFinish()
  }

  #wait(): NodeJS.Timeout {
    const seconds = this.#silenceMs / 1000
    return setTimeout(() => this.end(new ProtocolError('too_slow', `no part came for ${seconds} s`)), this.#silenceMs)
  }
}
