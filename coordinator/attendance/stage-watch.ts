/**
 * Watches one stage after the other: asks the rule again when somebody answers, comes or goes, or time is up, and says once
 * when the stage has to close.
 */
import type { Attendance } from './attendance.ts'
import { judgeStage } from './stage-rule.ts'

/** A stage as it is watched. */
export interface WatchedStage {
  readonly awaited: () => Iterable<string>
  readonly openedAtMs: number
  readonly deadlineAtMs: number
  readonly joinGraceMs: number
  readonly onClose: () => void
}

export class StageWatch {
  readonly #attendance: Attendance
  readonly #nowMs: () => number
  readonly #unsubscribe: () => void
  #stage: WatchedStage | null = null
  #timer: NodeJS.Timeout | undefined

  constructor(attendance: Attendance, nowMs: () => number) {
    this.#attendance = attendance
    this.#nowMs = nowMs
    this.#unsubscribe = attendance.onChange(() => this.look())
  }

  /** Watches this stage from now on, instead of the one before. */
  begin(watched: WatchedStage): void {
    this.#stage = watched
    this.look()
  }

  /** Somebody answered, came or went. */
  look(): void {
    clearTimeout(this.#timer)
    if (this.#stage === null) return
    const watched = this.#stage
    const { openedAtMs, deadlineAtMs } = watched
    const nowMs = this.#nowMs()
    const verdict = judgeStage({
      awaited: watched.awaited(),
      absentSinceMs: (id) => this.#attendance.absentSinceMs(id),
      openedAtMs,
      deadlineAtMs,
      joinGraceMs: watched.joinGraceMs,
      nowMs,
    })
    if (verdict.kind === 'wait') {
      this.#timer = setTimeout(() => this.look(), Math.max(10, verdict.untilMs - nowMs))
      return
    }
    this.#stage = null
    watched.onClose()
  }

  /** Stops watching for good. */
  end(): void {
    clearTimeout(this.#timer)
    this.#stage = null
    this.#unsubscribe()
  }
}
