/**
 * The first half of a round: the cohort is asked to train on the latest version and reports. Closes when everybody has
 * reported, when whoever is missing has been gone for longer than the grace period, or at the plan's training deadline.
 */
import { equalBytes } from '../../shared/crypto/digest.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import type { Instruction, Prepare } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import type { Attendance, Standing } from '../attendance/attendance.ts'
import { StageWatch } from '../attendance/stage-watch.ts'

export interface Report {
  readonly ready: boolean
  readonly code: string
  readonly message: string
}

export interface Prepared {
  /** SPIFFE IDs that hold a trained update. */
  readonly ready: readonly string[]
  /** Those that said they cannot, and why. */
  readonly refused: ReadonlyMap<string, Report>
}

export interface PreparationRequest {
  readonly runId: string
  readonly round: number
  readonly prepare: Prepare
  readonly cohort: readonly string[]
  /** From the start on. */
  readonly trainDeadlineMs: number
  readonly joinGraceMs: number
  /** What an earlier process heard already. */
  readonly reports?: ReadonlyMap<string, Report>
  readonly onReport: (spiffeId: string, report: Report) => void
}

/** How often a site may change its report in one attempt. */
const MAX_CHANGES = 8

export class Preparation {
  /** Settles when the preparation closes; rejects when it is called off. */
  readonly prepared: Promise<Prepared>
  readonly #attendance: Attendance
  readonly #nowMs: () => number
  readonly #request: PreparationRequest
  readonly #watch: StageWatch
  readonly #reports: Map<string, Report>
  readonly #changes = new Map<string, number>()
  readonly #standing: Standing
  #resolve: (prepared: Prepared) => void = () => undefined
  #reject: (reason: unknown) => void = () => undefined
  #isOpen = true

  constructor(attendance: Attendance, nowMs: () => number, request: PreparationRequest) {
    this.#attendance = attendance
    this.#nowMs = nowMs
    this.#reports = new Map(request.reports)
    this.#request = request
    this.#watch = new StageWatch(attendance, nowMs)
    const { runId, round, prepare } = request
    const instruction: Instruction = {
      runId,
      round,
      sessionId: new Uint8Array(0),
      step: { $case: 'prepare', value: prepare },
    }
    this.#standing = () => instruction
    this.prepared = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Asks the cohort. */
  start(): void {
    const { cohort, trainDeadlineMs, joinGraceMs } = this.#request
    const openedAtMs = this.#nowMs()
    for (const spiffeId of cohort) this.#attendance.tell(spiffeId, this.#standing)
    this.#watch.begin({
      awaited: () => cohort.filter((spiffeId) => !this.#reports.has(spiffeId)),
      openedAtMs,
      deadlineAtMs: openedAtMs + trainDeadlineMs,
      joinGraceMs,
      onClose: () => this.#close(),
    })
  }

  /**
   * Takes a report; true when the same came before. The last word counts: a site that could not may be mended meanwhile.
   * Each change becomes an event for ever, so a site has so many.
   * @throws ProtocolError `unknown_participant`, `late`, `digest_mismatch`, `too_busy`.
   */
  report(
    from: string,
    attempt: { readonly round: number; readonly attempt: number; readonly modelDigest: Uint8Array },
    report: Report,
  ): boolean {
    const { cohort, prepare, round } = this.#request
    refuseIf(!cohort.includes(from), 'unknown_participant', `${from} was not asked to take part in this round`)
    const isPresent = this.#isOpen && attempt.round === round && attempt.attempt === prepare.attempt
    const meant = `round ${attempt.round}, attempt ${attempt.attempt}`
    refuseIf(!isPresent, 'late', `a report for ${meant}; the run has gone on without it`)
    const isSameModel = equalBytes(attempt.modelDigest, prepare.modelDigest)
    refuseIf(!isSameModel, 'digest_mismatch', 'the report is about another model than the round trains from')
    const earlier = this.#reports.get(from)
    if (earlier?.ready === report.ready && earlier.code === report.code) return true
    const changes = (this.#changes.get(from) ?? 0) + 1
    refuseIf(changes > MAX_CHANGES, 'too_busy', `${from} has changed its word ${MAX_CHANGES} times in this attempt`)
    this.#changes.set(from, changes)
    this.#reports.set(from, report)
    this.#request.onReport(from, report)
    this.#watch.look()
    return false
  }

  counts(): { readonly answered: number; readonly of: number } {
    return { answered: this.#reports.size, of: this.#request.cohort.length }
  }

  /** Ends it; `prepared` rejects with `reason`. Everybody is told why, or nobody anything: it goes on later. */
  callOff(reason: unknown, why: string | null): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#watch.end()
    if (why !== null)
      for (const spiffeId of this.#request.cohort) this.#attendance.dismiss(spiffeId, this.#standing, why)
    this.#reject(reason)
  }

  #close(): void {
    this.#isOpen = false
    this.#watch.end()
    const ready = this.#request.cohort.filter((spiffeId) => this.#reports.get(spiffeId)?.ready === true)
    const refused = new Map([...this.#reports].filter(([, report]) => !report.ready))
    for (const spiffeId of this.#request.cohort) {
      if (ready.includes(spiffeId)) continue
      this.#attendance.dismiss(spiffeId, this.#standing, 'this round goes on without you')
    }
    this.#resolve({ ready, refused })
  }
}
