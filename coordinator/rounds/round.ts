/**
 * One round, as a figure:
 *
 *   gather a cohort → prepare (train) → session (secure sum) → apply and publish
 *        ↑____________________ another attempt ______|
 *
 * A failed attempt is followed by a fresh session, so many times as the plan says; then the run pauses. Too few connected
 * participants are no failure: the round waits and says so. After the last round one more session evaluates the final
 * version; it is tried once. A coordinator that starts again goes on with the attempt that it was at.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { isEvaluation } from '../../shared/plan/plan-rules.ts'
import type { RunEventBody } from '../registry/run-events.ts'
import type { Run } from '../registry/runs.ts'
import { type Version, versionAt } from '../registry/versions.ts'
import { neededFor } from './needed.ts'
import { publishRound } from './publish-round.ts'
import { withRoomOnDisk } from './room-on-disk.ts'
import { type Attempt, type ResumedAttempt, resumeRound, tryRound } from './round-attempt.ts'
import { metricsOf } from './round-metrics.ts'
import { RoundNotes } from './round-notes.ts'
import type { RoundTools } from './tools.ts'

/** Between two attempts, times their number: a site that fails at once does not use all of them up in a second. */
const RETRY_DELAY_MS = 500

export type RoundOutcome =
  | { readonly kind: 'done' }
  /** The run has to pause, and why. */
  | { readonly kind: 'failed'; readonly reason: string }

export interface RoundRequest {
  readonly run: Run
  /** The last session's named ones are asked again: an operator has resumed the run. */
  readonly forgive: boolean
  /** The attempt that an earlier process of the coordinator was at. */
  readonly resumed: ResumedAttempt | null
  /** Ends what is not a live session yet; the promise then rejects with the signal's reason. */
  readonly signal: AbortSignal
}

/** Plays the run's next round, or judges its final version when all rounds are done. */
export async function playRound(request: RoundRequest, tools: RoundTools): Promise<RoundOutcome> {
  const { run, signal } = request
  const { plan } = run
  const parent = versionAt(await tools.versions.list(run.id), run.latestVersion)
  const round = parent.version + 1
  const evaluateOnly = isEvaluation(plan, round)
  const attempts = evaluateOnly ? 1 : plan.timing.sessionAttempts
  const notes = new RoundNotes(run.id, round, tools)
  const sentBefore = tools.meter.reading(plan.participants.enrolled)
  let { resumed } = request
  let roundStartedAtMs = resumed?.live.roundStartedAtMs ?? null
  let leftOut = request.forgive ? [] : await tools.attempts.namedInLast(run.id)
  for (let tried = resumed?.live.tried ?? 1; ; ) {
    const { enrolled } = plan.participants
    if (resumed === null && enrolled.length - leftOut.length < neededFor(plan)) {
      const reason = `too_few_participants: without those caught in the last session (${leftOut.join(', ')}) too few are left`
      if (!evaluateOnly) return { kind: 'failed', reason }
      return skipEvaluation({ run, parent, reason, ending: undefined }, tools)
    }
    const asked = { run, parent, round, tried, roundStartedAtMs, evaluateOnly, leftOut, notes, signal }
    const attempt: Attempt = resumed === null ? await tryRound(asked, tools) : await resumeRound(asked, resumed, tools)
    resumed = null
    await notes.settled()
    if (attempt.kind === 'summed') {
      roundStartedAtMs = attempt.live.roundStartedAtMs
      const bytesUpPerSite = tools.meter.mostSince(sentBefore)
      return conclude({ run, parent, attempt, evaluateOnly, notes, bytesUpPerSite }, tools)
    }
    const { reason, detail, named, closing } = attempt
    if (attempt.kind === 'deserted' && !evaluateOnly) {
      await ended(attempt, { events: [], notes }, tools)
      continue
    }
    tools.log.warn({ run: run.name, round, reason, detail }, 'attempt failed')
    const body = { round, attempt: attempt.attempt, attempts, reason, detail, named }
    const event = { kind: 'session_aborted', body } as const
    if (evaluateOnly && !signal.aborted) {
      const ending = closing === null ? undefined : { closing, events: [event] }
      if (ending === undefined) await tools.events.record(run.id, event)
      const skip = () => skipEvaluation({ run, parent, reason: `${reason}: ${detail}`, ending }, tools)
      const outcome = await withRoomOnDisk(skip, { signal: tools.stopping, onFull: notes.diskFull })
      await leaveNothing(attempt, tools)
      return outcome
    }
    await ended(attempt, { events: [event], notes }, tools)
    signal.throwIfAborted()
    if (tried >= attempts) {
      return { kind: 'failed', reason: `${attempts} attempts at round ${round} failed, the last: ${reason}: ${detail}` }
    }
    leftOut = named
    await delay(RETRY_DELAY_MS * tried, undefined, { signal })
    tried += 1
  }
}

/** The attempt has ended, and says so with these events; then what it kept is deleted. */
async function ended(
  attempt: Extract<Attempt, { kind: 'failed' | 'deserted' }>,
  { events, notes }: { readonly events: readonly RunEventBody[]; readonly notes: RoundNotes },
  tools: RoundTools,
): Promise<void> {
  const { closing } = attempt
  const close = async () => {
    if (closing !== null) await tools.attempts.close(closing, ...events)
    else if (events.length > 0) await tools.events.record(notes.runId, ...events)
  }
  await withRoomOnDisk(close, { signal: tools.stopping, onFull: notes.diskFull })
  await leaveNothing(attempt, tools)
}

/** What an ended attempt kept is deleted; what cannot be is deleted at the next start. */
async function leaveNothing({ clear }: Attempt, { attempts, log }: RoundTools): Promise<void> {
  await clear()
  await attempts.forgetDeleted().catch((error: unknown) => log.warn({ error }, 'the write-ahead log was not emptied'))
}

/** From the sum to the version, or to the judgement of the last one: once, however often the coordinator begins it. */
async function conclude(
  round: {
    readonly run: Run
    readonly parent: Version
    readonly attempt: Extract<Attempt, { kind: 'summed' }>
    readonly evaluateOnly: boolean
    readonly notes: RoundNotes
    readonly bytesUpPerSite: number
  },
  tools: RoundTools,
): Promise<RoundOutcome> {
  const { run, parent, attempt, notes, bytesUpPerSite } = round
  const { end, closing, live } = attempt
  const step = async (): Promise<RoundOutcome> => {
    if (round.evaluateOnly) {
      const { evaluation } = metricsOf(end.sum.scalars)
      const evaluated = { version: parent.version, metrics: evaluation, reason: '' }
      await tools.versions.recordFinalEvaluation(run.id, evaluated, { closing, events: [] })
      return { kind: 'done' }
    }
    const done = { run, parent, end, closing, startedAtMs: live.roundStartedAtMs, bytesUpPerSite }
    const published = await publishRound(done, tools)
    if (published.ok) return { kind: 'done' }
    await tools.attempts.close(closing)
    return { kind: 'failed', reason: `not_finite: ${published.message}` }
  }
  const outcome = await withRoomOnDisk(step, { signal: tools.stopping, onFull: notes.diskFull })
  await leaveNothing(attempt, tools)
  return outcome
}

async function skipEvaluation(
  evaluation: {
    readonly run: Run
    readonly parent: Version
    readonly reason: string
    readonly ending: Parameters<RoundTools['versions']['recordFinalEvaluation']>[2]
  },
  tools: RoundTools,
): Promise<RoundOutcome> {
  const { run, parent, reason, ending } = evaluation
  await tools.versions.recordFinalEvaluation(run.id, { version: parent.version, metrics: {}, reason }, ending)
  return { kind: 'done' }
}
