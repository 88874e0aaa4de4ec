/** When a GPU that failed is tried again: at once a few times, then not for a while. */
import type { GpuFailureCode } from './gpu-failure.ts'

const FAILURES_BEFORE_REST = 3
export const REST_MS = 10 * 60_000
/** Trying again would find the same, or worse: another wrong sum. */
const REST_AT_ONCE: ReadonlySet<GpuFailureCode> = new Set([
  'package_missing',
  'no_adapter',
  'software_adapter',
  'wrong_result',
])

export class RetryRule {
  readonly #now: () => number
  #failuresInARow = 0
  #restsUntil = Number.NEGATIVE_INFINITY

  /** `now` is a clock in milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  get isResting(): boolean {
    return this.#now() < this.#restsUntil
  }

  succeeded(): void {
    this.#failuresInARow = 0
  }

  /** Afterwards {@link isResting} says whether the GPU is left alone. */
  failed(code: GpuFailureCode): void {
    this.#failuresInARow += 1
    if (this.#failuresInARow < FAILURES_BEFORE_REST && !REST_AT_ONCE.has(code)) return
    this.#failuresInARow = 0
    this.#restsUntil = this.#now() + REST_MS
  }
}
