/**
 * What a run's events add up to, for people: which round, which stage, how far, what came of every round. Pure: an event
 * and the picture so far give the next picture.
 */
import type { RoundMetrics, RunEventBody, VersionPublished } from '../coordinator/registry/run-events.ts'

/** One finished round. `metrics` judge the version that the round made, once the next session has said so. */
export interface FinishedRound extends VersionPublished {
  readonly trainLoss: number | undefined
  readonly evalLoss: number | undefined
  readonly evalAccuracy: number | undefined
}

/** What the run is doing now. */
export interface Present {
  readonly round: number
  readonly attempt: number
  readonly isFinalEvaluation: boolean
  readonly stage: string
  readonly answered: number
  readonly of: number
}

export interface RunProgress {
  readonly name: string
  readonly rounds: number
  readonly finished: readonly FinishedRound[]
  readonly present: Present | null
  /** Set when the run waits for an operator or has ended. */
  readonly ending:
    | { readonly kind: 'completed'; readonly bestVersion: number }
    | { readonly kind: 'cancelled'; readonly by: string }
    | null
  readonly pausedBecause: string | null
  /** What happened beside the rounds, in words, in the order of events. */
  readonly remarks: readonly string[]
  /** Why sites take no part in the present round: the first of each cause is told at once, the others together. */
  readonly refusals: readonly Refusals[]
}

interface Refusals {
  readonly round: number
  readonly code: string
  readonly message: string
  readonly others: readonly string[]
}

export const NO_PROGRESS: RunProgress = {
  name: '',
  rounds: 0,
  finished: [],
  present: null,
  ending: null,
  pausedBecause: null,
  remarks: [],
  refusals: [],
}

/** The picture after one more event. */
export function afterEvent(before: RunProgress, event: RunEventBody): RunProgress {
  const isPreparing = event.kind === 'participant_ready' || (event.kind === 'stage' && event.body.stage === 'prepare')
  const progress = isPreparing ? before : withOthers(before)
  switch (event.kind) {
    case 'run_submitted':
      return { ...progress, name: event.body.name, rounds: event.body.rounds }
    case 'round_started': {
      const { round, attempt, cohort, evaluateOnly } = event.body
      const present = {
        round,
        attempt,
        isFinalEvaluation: evaluateOnly,
        stage: 'prepare',
        answered: 0,
        of: cohort.length,
      }
      return { ...progress, present }
    }
    case 'participant_ready':
      return event.body.ready ? progress : refused(progress, event.body)
    case 'participant_withdrew': {
      const { round, spiffeId, code, message } = event.body
      return remark(progress, `round ${round}: ${spiffeId} left the session (${code}): ${message}`)
    }
    case 'stage': {
      const { round, attempt, stage, answered, of } = event.body
      const isFinalEvaluation = progress.present?.isFinalEvaluation ?? false
      return { ...progress, present: { round, attempt, isFinalEvaluation, stage, answered, of } }
    }
    case 'session_resumed': {
      const { session, stage } = event.body
      return remark(progress, `the coordinator was started again: resumed session ${session} at stage ${stage}`)
    }
    case 'session_aborted':
      return remark({ ...progress, present: null }, aborted(event.body))
    case 'version_published':
      return published(progress, event.body)
    case 'final_evaluated': {
      const judged = judge(progress.finished, event.body.version, event.body.metrics)
      const next = { ...progress, finished: judged, present: null }
      return event.body.reason === '' ? next : remark(next, `the final version was not judged: ${event.body.reason}`)
    }
    case 'run_paused':
      return remark(
        { ...progress, present: null, pausedBecause: event.body.reason },
        `paused by ${event.body.by}: ${event.body.reason}`,
      )
    case 'run_resumed':
      return remark({ ...progress, pausedBecause: null }, `resumed by ${event.body.by}`)
    case 'run_completed':
      return { ...progress, present: null, ending: { kind: 'completed', bestVersion: event.body.bestVersion } }
    case 'run_cancelled':
      return { ...progress, present: null, ending: { kind: 'cancelled', by: event.body.by } }
    default:
      // A newer coordinator may tell of more; what is not known is not shown.
      return progress
  }
}

function published(progress: RunProgress, body: VersionPublished): RunProgress {
  const judged = judge(progress.finished, body.version - 1, body.metrics)
  const round = { ...body, trainLoss: body.metrics.trainLoss, evalLoss: undefined, evalAccuracy: undefined }
  return { ...progress, finished: [...judged, round], present: null }
}

/** A round's evaluation is of the version it trained from, so it completes the round before. */
function judge(rounds: readonly FinishedRound[], version: number, metrics: RoundMetrics): readonly FinishedRound[] {
  return rounds.map((round) =>
    round.version === version ? { ...round, evalLoss: metrics.evalLoss, evalAccuracy: metrics.evalAccuracy } : round,
  )
}

function remark(progress: RunProgress, text: string): RunProgress {
  return { ...progress, remarks: [...progress.remarks, text] }
}

function refused(
  progress: RunProgress,
  body: Extract<RunEventBody, { kind: 'participant_ready' }>['body'],
): RunProgress {
  const { round, spiffeId, code, message } = body
  const isSame = (other: Refusals) => other.round === round && other.code === code && other.message === message
  if (!progress.refusals.some(isSame)) {
    const refusals = [...progress.refusals, { round, code, message, others: [] }]
    return remark({ ...progress, refusals }, `round ${round}: ${spiffeId} takes no part (${code}): ${message}`)
  }
  const refusals = progress.refusals.map((one) => (isSame(one) ? { ...one, others: [...one.others, spiffeId] } : one))
  return { ...progress, refusals }
}

/** Tells who else gave a reason that was told already, once the sites have answered. */
function withOthers(progress: RunProgress): RunProgress {
  if (progress.refusals.length === 0) return progress
  const told: RunProgress = { ...progress, refusals: [] }
  return progress.refusals
    .filter(({ others }) => others.length > 0)
    .reduce((next, { round, code, others }) => {
      return remark(next, `round ${round}: so it is with ${others.length} more (${code}): ${others.join(', ')}`)
    }, told)
}

function aborted(body: Extract<RunEventBody, { kind: 'session_aborted' }>['body']): string {
  const again = body.attempt < body.attempts ? 'trying again' : 'no further try'
  const named = body.named.length > 0 ? `; left out from now on: ${body.named.join(', ')}` : ''
  return `round ${body.round}: session ${body.attempt} of ${body.attempts} aborted (${body.reason}): ${body.detail}${named}; ${again}`
}
