/**
 * Stage progress as events: every change of stage at once, answers within a stage at most a few times a second, and what
 * was held back before the next stage begins.
 */
import type { StageName } from '../registry/run-events.ts'

export interface Progress {
  readonly stage: StageName
  readonly answered: number
  readonly of: number
}

const GAP_MS = 250

export class ProgressReporter {
  readonly #emit: (progress: Progress) => void
  #last: Progress | null = null
  #held: Progress | null = null
  #timer: NodeJS.Timeout | undefined

  constructor(emit: (progress: Progress) => void) {
    this.#emit = emit
  }

  report(progress: Progress): void {
    if (this.#last !== null && this.#last.stage === progress.stage) {
      this.#held = progress
      this.#timer ??= setTimeout(() => this.flush(), GAP_MS)
      return
    }
    this.flush()
    this.#send(progress)
  }

  /** Sends what is held back. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#held !== null) this.#send(this.#held)
    this.#held = null
  }

  /** Another attempt begins: the same stage will be new. */
  reset(): void {
    this.flush()
    this.#last = null
  }

  #send(progress: Progress): void {
    const { stage, answered, of } = progress
    if (this.#last?.stage === stage && this.#last.answered === answered && this.#last.of === of) return
    this.#last = progress
    this.#emit(progress)
  }
}
