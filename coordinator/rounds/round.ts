/**
 * One round, as a figure:
 *
 *   gather a cohort → prepare (train) → session (secure sum) → apply and publish
 *        ↑____________________ another attempt ______|
 *
 * A failed attempt is followed by a fresh session, so many times as the plan says; then the run pauses. Too few connected
 * participants are no failure: the round waits and says so. After the last round one more session evaluates the final
 * version; it is tried once.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { isEvaluation } from '../../shared/plan/plan-rules.ts'
import type { Run } from '../registry/runs.ts'
import { type Version, versionAt } from '../registry/versions.ts'
import { neededFor } from './needed.ts'
import { publishRound } from './publish-round.ts'
import { type Attempt, tryRound } from './round-attempt.ts'
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
  let startedAtMs: number | null = null
  const onGathered = () => {
    startedAtMs ??= tools.nowMs()
  }
  let leftOut = request.forgive ? [] : await tools.attempts.namedInLast(run.id)
  for (let tried = 1; ; ) {
    const { enrolled } = plan.participants
    if (enrolled.length - leftOut.length < neededFor(plan)) {
      const reason = `too_few_participants: without those caught in the last session (${leftOut.join(', ')}) too few are left`
      return evaluateOnly ? skipEvaluation(run, parent, reason, tools) : { kind: 'failed', reason }
    }
    const attempt = await tryRound({ run, parent, round, evaluateOnly, leftOut, notes, signal, onGathered }, tools)
    await notes.settled()
    if (attempt.kind === 'summed') {
      if (evaluateOnly) return recordEvaluation(run, parent, attempt, tools)
      const bytesUpPerSite = tools.meter.mostSince(sentBefore)
      const { end } = attempt
      const done = { run, parent, end, startedAtMs: startedAtMs ?? tools.nowMs(), bytesUpPerSite }
      const published = await publishRound(done, tools)
      return published.ok ? { kind: 'done' } : { kind: 'failed', reason: `not_finite: ${published.message}` }
    }
    if (attempt.kind === 'deserted' && !evaluateOnly) continue
    const { reason, detail, named } = attempt
    tools.log.warn({ run: run.name, round, reason, detail }, 'attempt failed')
    const body = { round, attempt: attempt.attempt, attempts, reason, detail, named }
    await tools.events.record(run.id, { kind: 'session_aborted', body })
    signal.throwIfAborted()
    if (evaluateOnly) return skipEvaluation(run, parent, `${reason}: ${detail}`, tools)
    if (tried >= attempts) {
      return { kind: 'failed', reason: `${attempts} attempts at round ${round} failed, the last: ${reason}: ${detail}` }
    }
    leftOut = named
    await delay(RETRY_DELAY_MS * tried, undefined, { signal })
    tried += 1
  }
}

async function recordEvaluation(
  run: Run,
  parent: Version,
  { end }: Extract<Attempt, { kind: 'summed' }>,
  tools: RoundTools,
): Promise<RoundOutcome> {
  const metrics = metricsOf(end.sum.scalars).evaluation
  await tools.versions.recordFinalEvaluation(run.id, { version: parent.version, metrics, reason: '' })
  return { kind: 'done' }
}

async function skipEvaluation(run: Run, parent: Version, reason: string, tools: RoundTools): Promise<RoundOutcome> {
  await tools.versions.recordFinalEvaluation(run.id, { version: parent.version, metrics: {}, reason })
  return { kind: 'done' }
}
