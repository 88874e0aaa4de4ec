/** What the run's events say, round by round, as the harness needs it. */
import type { RunEventBody, VersionPublished } from '../../coordinator/registry/run-events.ts'

export interface AbortedAttempt {
  readonly attempt: number
  readonly reason: string
  readonly detail: string
}

/** A site that left a session, or refused to take part in one, and the code it gave. */
export interface Refusal {
  readonly attempt: number
  readonly spiffeId: string
  readonly code: string
  readonly message: string
}

export interface RecordedRound {
  readonly round: number
  readonly startedAtMs: number
  /** Cohort of the last attempt. */
  asked: readonly string[]
  readonly aborted: AbortedAttempt[]
  readonly refusals: Refusal[]
  publishedAtMs: number | null
  published: VersionPublished | null
}

export type RunEnding = 'completed' | 'paused' | 'cancelled'

export class RunRecord {
  readonly rounds: RecordedRound[] = []
  /** Why the final version was not judged, or empty; null before that. */
  finalEvaluation: string | null = null
  ending: RunEnding | null = null
  endingReason = ''
  /** When the last of them happened. */
  lastAtMs = 0

  see(event: RunEventBody, atMs: number): void {
    this.lastAtMs = atMs
    switch (event.kind) {
      case 'round_started': {
        if (event.body.evaluateOnly) return
        const { round, cohort } = event.body
        const known = this.rounds.find((one) => one.round === round)
        if (known !== undefined) known.asked = cohort
        else {
          const nothing = { aborted: [], refusals: [], publishedAtMs: null, published: null }
          this.rounds.push({ round, startedAtMs: atMs, asked: cohort, ...nothing })
        }
        return
      }
      case 'session_aborted': {
        const { round, attempt, reason, detail } = event.body
        this.rounds.find((one) => one.round === round)?.aborted.push({ attempt, reason, detail })
        return
      }
      case 'participant_ready':
      case 'participant_withdrew': {
        if (event.kind === 'participant_ready' && event.body.ready) return
        const { round, attempt, spiffeId, code, message } = event.body
        this.rounds.find((one) => one.round === round)?.refusals.push({ attempt, spiffeId, code, message })
        return
      }
      case 'version_published': {
        const round = this.rounds.find((one) => one.round === event.body.version)
        if (round === undefined) return
        round.published = event.body
        round.publishedAtMs = atMs
        return
      }
      case 'final_evaluated':
        this.finalEvaluation = event.body.reason
        return
      case 'run_completed':
        this.ending = 'completed'
        return
      case 'run_paused':
        this.ending = 'paused'
        this.endingReason = event.body.reason
        return
      case 'run_cancelled':
        this.ending = 'cancelled'
        return
      default:
    }
  }
}
