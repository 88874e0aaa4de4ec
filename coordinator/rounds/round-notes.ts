/**
 * What a round says about itself while it goes on: events, in order, and the run's `present` in words.
 * Nothing here decides anything; an event that cannot be written is logged.
 */

import { setImmediate } from 'node:timers/promises'
import type { Log } from '../../shared/runtime/log.ts'
import type { EventLog } from '../registry/event-log.ts'
import type { RunEventBody } from '../registry/run-events.ts'
import { type Progress, ProgressReporter } from './progress.ts'

/** What each run is doing now, by id. */
export type PresentTexts = Map<string, string>

/** More than one report of every participant of the largest plan. */
const MAX_PENDING = 20_000

export class RoundNotes {
  readonly runId: string
  readonly #round: number
  readonly #tools: { readonly events: EventLog; readonly present: PresentTexts; readonly log: Log }
  readonly #reporter: ProgressReporter
  #attempt = 0
  readonly #pending: RunEventBody[] = []
  #writing: Promise<void> | null = null

  constructor(
    runId: string,
    round: number,
    tools: { readonly events: EventLog; readonly present: PresentTexts; readonly log: Log },
  ) {
    this.runId = runId
    this.#round = round
    this.#tools = tools
    this.#reporter = new ProgressReporter(({ stage, answered, of }) =>
      this.event({ kind: 'stage', body: { round, attempt: this.#attempt, stage, answered, of } }),
    )
  }

  beginAttempt(attempt: number): void {
    this.#reporter.reset()
    this.#attempt = attempt
  }

  /** Nothing can be written; whatever waits for it goes on by itself. */
  readonly diskFull = (): void => {
    this.present('waiting: the disk is full')
    this.#tools.log.error({ run: this.runId, code: 'disk_full' }, 'the disk is full: the round waits for room on it')
  }

  present(text: string): void {
    this.#tools.present.set(this.runId, `round ${this.#round}: ${text}`)
  }

  progress(progress: Progress): void {
    this.#reporter.report(progress)
    this.present(`${progress.stage}, ${progress.answered} of ${progress.of}`)
  }

  /** Written soon, together with whatever comes meanwhile: a commit is a wait for the disk. */
  event(event: RunEventBody): void {
    // Safety: what participants cause may wait in bounded number; what the round itself does is never left out.
    const isPeersDoing = ['participant_ready', 'participant_withdrew', 'stage'].includes(event.kind)
    if (isPeersDoing && this.#pending.length >= MAX_PENDING) {
      this.#tools.log.warn({ run: this.runId, kind: event.kind }, 'an event is left out: too many wait to be written')
      return
    }
    this.#pending.push(event)
    this.#writing ??= this.#write()
  }

  /** Everything noted so far is written. */
  async settled(): Promise<void> {
    this.#reporter.flush()
    await this.#writing
  }

  async #write(): Promise<void> {
    const { events, log } = this.#tools
    await setImmediate()
    while (this.#pending.length > 0) {
      await events.record(this.runId, ...this.#pending.splice(0)).catch((error: unknown) => {
        log.error({ run: this.runId, error }, 'events could not be written')
      })
    }
    this.#writing = null
  }
}
