/**
 * The pool of threads that do mask tasks: started when first needed, at rest between jobs without keeping the process alive.
 * Jobs run one after the other, each on all threads. A thread that ends fails its job and is replaced for the next one.
 */
import { availableParallelism } from 'node:os'
import { siblingModule } from '../runtime/sibling-module.ts'
import { JobBoard, type MaskJob } from './mask-job.ts'
import { type MaskTask, rangeOf, type TaskOptions } from './mask-task.ts'
import { MaskThreadError } from './mask-thread-error.ts'
import { OneThread } from './one-thread.ts'
import { tilesOf } from './tile-range.ts'

const PROGRESS_EVERY_MS = 20

export class MaskThreads {
  readonly count: number
  readonly #script: URL
  #threads: OneThread[] = []
  #lastJobId = 0
  #isBusy = false
  readonly #waiting: (() => void)[] = []

  /** `script` stands in for the thread's program in tests. */
  constructor(options: { readonly count?: number; readonly script?: URL } = {}) {
    this.count = options.count ?? availableParallelism()
    this.#script = options.script ?? siblingModule(import.meta.url, './mask-thread')
  }

  /** Starts what is missing of so many; how many threads there are: 0 where the system lets us have none. */
  async start(wanted: number): Promise<number> {
    this.#threads = this.#threads.filter((thread) => !thread.hasEnded)
    try {
      while (this.#threads.length < Math.min(wanted, this.count)) this.#threads.push(new OneThread(this.#script))
    } catch {
      // As many as there are will do.
    }
    const threads = this.#threads
    this.#keepAwake(true)
    const ready = await Promise.all(threads.map((thread) => thread.ready))
    if (!this.#isBusy) this.#keepAwake(false)
    return ready.filter(Boolean).length
  }

  /**
   * Does a task whose memory is shared, on at most so many threads. Rejects with the signal's reason, or with
   * {@link MaskThreadError}; either way no thread touches that memory any more, and what was made there is worthless.
   */
  async run(task: MaskTask, options: TaskOptions & { readonly mostThreads: number }): Promise<void> {
    const { signal, mostThreads } = options
    await this.#turn(signal)
    try {
      await this.start(mostThreads)
      signal?.throwIfAborted()
      this.#keepAwake(true)
      const threads = this.#threads.filter((thread) => !thread.hasEnded).slice(0, mostThreads)
      await this.#share(task, threads, options)
    } finally {
      this.#keepAwake(false)
      this.#passTurn()
    }
  }

  /** Ends all threads; a job under way is rejected. The next job starts new ones. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()))
  }

  async #share(task: MaskTask, threads: readonly OneThread[], { signal, onProgress }: TaskOptions): Promise<void> {
    if (threads.length === 0) throw new MaskThreadError('no mask thread could be started')
    const range = tilesOf(rangeOf(task), threads.length)
    const board = JobBoard.create(range, threads.length)
    const view = new JobBoard(board)
    const job: Omit<MaskJob, 'stretch'> = { id: ++this.#lastJobId, task, tileBytes: range.tileBytes, board }
    const stop = () => view.stop()
    const timer = onProgress && setInterval(() => onProgress(view.doneBytes), PROGRESS_EVERY_MS)
    signal?.addEventListener('abort', stop, { once: true })
    try {
      const shares = threads.map((thread, stretch) => thread.work({ ...job, stretch }))
      for (const share of shares) share.catch(stop)
      const outcomes = await Promise.allSettled(shares)
      signal?.throwIfAborted()
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    } finally {
      signal?.removeEventListener('abort', stop)
      clearInterval(timer)
    }
  }

  /** Waits until no other job runs. */
  async #turn(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (!this.#isBusy) {
      this.#isBusy = true
      return
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const leave = () => {
      const place = this.#waiting.indexOf(resolve)
      // Not there: its turn has come meanwhile, and the job itself will see the signal.
      if (place >= 0) this.#waiting.splice(place, 1)
      reject(signal?.reason)
    }
    this.#waiting.push(resolve)
    signal?.addEventListener('abort', leave, { once: true })
    await promise
    signal?.removeEventListener('abort', leave)
  }

  #passTurn(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#isBusy = false
    else next()
  }

  #keepAwake(isAwake: boolean): void {
    for (const thread of this.#threads) thread.keepAwake(isAwake)
  }
}
