/**
 * Shows a run's progress: on a terminal one live line with a bar that becomes one line per finished round, piped plain
 * lines only, and a table at the end. Text in, text out; the stream is passed in.
 */
import type { RunEventBody } from '../coordinator/registry/run-events.ts'
import { afterEvent, type FinishedRound, NO_PROGRESS, type Present, type RunProgress } from './run-progress.ts'
import { byteSize, percent, textTable } from './text-table.ts'

/** Where lines go. `columns` is the width of a terminal. */
export interface ViewStream {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

/** The order of a round, for the bar: each stage fills its part. */
const STAGES = ['prepare', 'advertise-keys', 'share-keys', 'mask-input', 'attest-survivors', 'reveal-shares', 'unmask']
const STAGE_WORDS: Readonly<Record<string, string>> = {
  prepare: 'training',
  'advertise-keys': '0 advertise keys',
  'share-keys': '1 share keys',
  'mask-input': '2 masked input',
  'attest-survivors': '3 consistency check',
  'reveal-shares': '4 unmasking',
  unmask: 'summing',
}
const BAR_CELLS = 14
/** Below it keys and shares outweigh the vector, and a ratio says nothing. */
const SMALL_BYTES = 10_000
const CLEAR_LINE = '\r\u001b[2K'

export class RunView {
  #progress: RunProgress = NO_PROGRESS
  #printedRounds = 0
  #printedRemarks = 0
  readonly #stream: ViewStream

  constructor(stream: ViewStream) {
    this.#stream = stream
  }

  get progress(): RunProgress {
    return this.#progress
  }

  /** Takes one event in and shows what it changed. */
  show(event: RunEventBody): void {
    this.#progress = afterEvent(this.#progress, event)
    const lines = this.#newLines()
    const live = this.#stream.isTTY ? liveLine(this.#progress, this.#stream.columns || 80) : ''
    if (lines.length === 0 && !this.#stream.isTTY) return
    const clear = this.#stream.isTTY ? CLEAR_LINE : ''
    this.#stream.write(clear + lines.map((line) => `${line}\n`).join('') + live)
  }

  /** A line of somebody else's above the live line. */
  note(line: string): void {
    const clear = this.#stream.isTTY ? CLEAR_LINE : ''
    const live = this.#stream.isTTY ? liveLine(this.#progress, this.#stream.columns || 80) : ''
    this.#stream.write(`${clear}${line}\n${live}`)
  }

  /** Ends the live line and writes the table of all rounds. */
  finish(): void {
    if (this.#stream.isTTY) this.#stream.write(CLEAR_LINE)
    for (const line of this.#newLines()) this.#stream.write(`${line}\n`)
    if (this.#progress.finished.length > 0) this.#stream.write(`\n${roundTable(this.#progress.finished)}`)
  }

  #newLines(): string[] {
    const { finished, remarks, rounds } = this.#progress
    const lines = remarks.slice(this.#printedRemarks).map((text) => `  ${text}`)
    this.#printedRemarks = remarks.length
    for (const round of finished.slice(this.#printedRounds)) lines.push(roundLine(round, rounds))
    this.#printedRounds = finished.length
    return lines
  }
}

/** One finished round in one line; its accuracy is that of the version it began with, for that is what sites judged. */
export function roundLine(round: FinishedRound, rounds: number): string {
  const place = `round ${String(round.version).padStart(String(rounds).length)}/${rounds}`
  const sites = `${round.survivors} of ${round.roster} sites`
  const loss = `train loss ${round.trainLoss?.toFixed(3) ?? '–'}`
  const accuracy = `accuracy so far ${percent(round.metrics.evalAccuracy)}`
  const bytes = `${byteSize(round.bytesUpPerSite)} up per site (float32 ${byteSize(round.float32Bytes)})`
  return [place, sites, loss, accuracy, bytes, `${round.seconds.toFixed(1)} s`].join('  ')
}

/** The round under way: bar, stage, who has answered. Cut to the terminal's width. */
export function liveLine(progress: RunProgress, columns: number): string {
  const { present, rounds, finished } = progress
  if (progress.pausedBecause !== null) return cut(`paused: ${progress.pausedBecause}`, columns)
  if (present === null) return finished.length === 0 ? cut('waiting for the sites', columns) : ''
  const place = present.isFinalEvaluation ? 'judging the final version' : `round ${present.round}/${rounds}`
  const attempt = present.attempt > 1 ? `  session ${present.attempt}` : ''
  const stage = STAGE_WORDS[present.stage] ?? present.stage
  const answered = present.of === 0 ? '' : `  ${present.answered} of ${present.of}`
  return cut(`${bar(present)} ${place}  ${stage}${answered}${attempt}`, columns)
}

/** All rounds under each other. */
export function roundTable(rounds: readonly FinishedRound[]): string {
  const rows = rounds.map((round) => [
    String(round.version),
    `${round.survivors}/${round.roster}`,
    round.trainLoss?.toFixed(4) ?? '–',
    round.evalLoss?.toFixed(4) ?? '–',
    percent(round.evalAccuracy),
    byteSize(round.bytesUpPerSite),
    round.float32Bytes < SMALL_BYTES ? '–' : percent(round.bytesUpPerSite / round.float32Bytes),
    round.seconds.toFixed(1),
  ])
  const headings = ['version', 'survivors', 'train loss', 'loss', 'accuracy', 'up per site', 'of float32', 'seconds']
  return textTable(headings, rows)
}

function bar({ stage, answered, of }: Present): string {
  const place = Math.max(0, STAGES.indexOf(stage))
  const done = (place + (of === 0 ? 0 : Math.min(1, answered / of))) / STAGES.length
  const full = Math.round(done * BAR_CELLS)
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)}`
}

function cut(line: string, columns: number): string {
  return line.length < columns ? line : `${line.slice(0, Math.max(0, columns - 2))}…`
}
