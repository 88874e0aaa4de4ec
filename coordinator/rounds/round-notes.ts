/**
 * What a round says about itself while it goes on: events, written one after the other, and the run's `present` in words.
 * Nothing here decides anything; an event that cannot be written is logged.
 */

import type { Log } from '../../shared/runtime/log.ts'
import type { EventLog } from '../registry/event-log.ts'
import type { RunEventBody } from '../registry/run-events.ts'
import { type Progress, ProgressReporter } from './progress.ts'

/** What each run is doing now, by id. */
export type PresentTexts = Map<string, string>

export class RoundNotes {
  readonly #runId: string
  readonly #round: number
  readonly #tools: { readonly events: EventLog; readonly present: PresentTexts; readonly log: Log }
  readonly #reporter: ProgressReporter
  #attempt = 0
  #written: Promise<void> = Promise.resolve()

  constructor(
    runId: string,
    round: number,
    tools: { readonly events: EventLog; readonly present: PresentTexts; readonly log: Log },
  ) {
    this.#runId = runId
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

  present(text: string): void {
    this.#tools.present.set(this.#runId, `round ${this.#round}: ${text}`)
  }

  progress(progress: Progress): void {
    this.#reporter.report(progress)
    this.present(`${progress.stage}, ${progress.answered} of ${progress.of}`)
  }

  event(event: RunEventBody): void {
    this.#written = this.#written
      .then(() => this.#tools.events.record(this.#runId, event))
      .catch((error: unknown) => this.#tools.log.error({ run: this.#runId, error }, 'an event could not be written'))
  }

  /** Everything noted so far is written. */
  async settled(): Promise<void> {
    this.#reporter.flush()
    await this.#written
  }
}
