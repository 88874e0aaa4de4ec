/** One worker thread of the pool, as the pool sees it: whether it came up, and how the job it was given ended. */
import { Worker } from 'node:worker_threads'
import { unreachable } from '../errors.ts'
import type { FromMaskThread, MaskJob } from './mask-job.ts'
import { MaskThreadError } from './mask-thread-error.ts'

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: MaskThreadError) => void
}

export class OneThread {
  /** Whether the thread runs and has loaded its code; settles once, never rejects. */
  readonly ready: Promise<boolean>
  readonly #worker: Worker
  #tellReady: (isReady: boolean) => void = () => {}
  #job: (Waiting & { readonly id: number }) | null = null
  #hasEnded = false

  /** Throws what the runtime throws when it can make no thread at all. */
  constructor(script: URL) {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.ready = promise
    this.#tellReady = resolve
    // Nothing of the program's arguments and environment is a mask thread's business.
    this.#worker = new Worker(script, { name: 'masks', argv: [], execArgv: [], env: {} })
    this.#worker.on('message', (message: FromMaskThread) => this.#hear(message))
    this.#worker.on('error', (error) => this.#end(`a mask thread failed: ${messageOf(error)}`, error))
    this.#worker.on('exit', (code) => this.#end(`a mask thread ended by itself, with exit code ${code}`))
    this.#worker.unref()
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Keeps the process running while this thread is waited for; threads at rest do not. */
  keepAwake(isAwake: boolean): void {
    if (isAwake) this.#worker.ref()
    else this.#worker.unref()
  }

  /** Does its share of a job, one at a time. Rejects with {@link MaskThreadError} when it fails at it or the thread ends. */
  work(job: MaskJob): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#hasEnded) return reject(new MaskThreadError('a mask thread had ended before its job began'))
      this.#job = { id: job.id, resolve, reject }
      this.#worker.postMessage(job)
    })
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }

  #hear(message: FromMaskThread): void {
    switch (message.kind) {
      case 'ready':
        this.#tellReady(true)
        return
      case 'ended':
        if (this.#job?.id === message.id) this.#job.resolve()
        return
      case 'failed':
        if (this.#job?.id === message.id) this.#job.reject(new MaskThreadError(message.message))
        return
      default:
        unreachable(message)
    }
  }

  #end(reason: string, cause?: unknown): void {
    this.#hasEnded = true
    this.#tellReady(false)
    this.#job?.reject(new MaskThreadError(reason, { cause }))
    this.#job = null
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
