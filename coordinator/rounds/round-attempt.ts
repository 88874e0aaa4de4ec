/**
 * One attempt at a round: a cohort, its trained updates, one session. Comes out: the secure sum, or why there is none.
 */
import { decodeHex, encodeHex } from '../../shared/crypto/digest.ts'
import { cohortSize, encodingOf, sessionContext } from '../../shared/plan/plan-rules.ts'
import { contextDigest } from '../../shared/protocol/context.ts'
import type { Run } from '../registry/runs.ts'
import type { AttemptEnd } from '../registry/session-attempts.ts'
import type { Version } from '../registry/versions.ts'
import { type SessionEnd, SessionRunner } from '../session-runner/session-runner.ts'
import { neededFor } from './needed.ts'
import { Preparation, type Prepared } from './preparation.ts'
import type { RoundNotes } from './round-notes.ts'
import type { RoundTools } from './tools.ts'

export type Attempt =
  | { readonly kind: 'summed'; readonly end: Extract<SessionEnd, { kind: 'completed' }> }
  | {
      /** `deserted`: too few are left because the others disconnected; the round waits for them, nothing has failed. */
      readonly kind: 'failed' | 'deserted'
      readonly attempt: number
      readonly reason: string
      readonly detail: string
      readonly named: readonly string[]
    }

export interface AttemptRequest {
  readonly run: Run
  readonly parent: Version
  readonly round: number
  readonly evaluateOnly: boolean
  readonly leftOut: readonly string[]
  readonly notes: RoundNotes
  readonly signal: AbortSignal
  /** Called once a cohort has gathered: waiting for it is not part of the round's time. */
  readonly onGathered: () => void
}

/** Rejects with the signal's reason when it is called off before the session. */
export async function tryRound(request: AttemptRequest, tools: RoundTools): Promise<Attempt> {
  const { run, round, evaluateOnly, leftOut, notes, signal } = request
  const { participants, timing } = run.plan
  const gathered = await tools.floor.gather({
    runId: run.id,
    enrolled: participants.enrolled,
    leftOut,
    needed: neededFor(run.plan),
    wanted: cohortSize(run.plan),
    joinGraceMs: timing.joinGraceMs,
    signal,
    onWaiting: (text) => notes.present(text),
    giveUpAfterMs: evaluateOnly ? timing.joinGraceMs : null,
  })
  const attempt = await tools.attempts.nextAttempt(run.id, round)
  if (gathered.kind === 'gave-up') {
    return { kind: 'failed', attempt, reason: 'too_few_participants', detail: gathered.message, named: [] }
  }
  const { cohort } = gathered
  const sessionId = tools.rng(16)
  let closing: AttemptEnd = { outcome: 'aborted', reason: 'called_off', named: [] }
  try {
    request.onGathered()
    signal.throwIfAborted()
    notes.beginAttempt(attempt)
    await tools.attempts.open({ sessionId: encodeHex(sessionId), runId: run.id, round, attempt })
    notes.event({ kind: 'round_started', body: { round, attempt, cohort, evaluateOnly } })
    const prepared = await prepare(request, { cohort, attempt }, tools)
    const short = tooFewReady(run, cohort, prepared, tools)
    const end = short ?? (await runSession(request, { sessionId, attempt, ready: prepared.ready }, tools))
    if (end.kind === 'completed') {
      closing = { outcome: 'completed', reason: '', named: [...end.session.named] }
      return { kind: 'summed', end }
    }
    const { reason, detail, named } = end
    closing = { outcome: 'aborted', reason, named }
    return { kind: end.kind === 'deserted' ? 'deserted' : 'failed', attempt, reason, detail, named }
  } finally {
    tools.floor.release(run.id)
    await tools.attempts.close(encodeHex(sessionId), closing)
  }
}

async function prepare(
  { run, parent, round, notes, signal }: AttemptRequest,
  { cohort, attempt }: { readonly cohort: readonly string[]; readonly attempt: number },
  tools: RoundTools,
): Promise<Prepared> {
  const preparation: Preparation = new Preparation(tools.attendance, tools.nowMs, {
    runId: run.id,
    round,
    prepare: {
      planDigest: run.planDigest,
      modelDigest: digestOf(parent),
      version: parent.version,
      attempt,
    },
    cohort,
    trainDeadlineMs: run.plan.timing.trainDeadlineMs,
    joinGraceMs: run.plan.timing.joinGraceMs,
    onReport: (spiffeId, report) => {
      notes.event({ kind: 'participant_ready', body: { round, attempt, spiffeId, ...report } })
      notes.progress({ stage: 'prepare', ...preparation.counts() })
    },
  })
  const callOff = () => preparation.callOff(signal.reason, 'the run was stopped')
  signal.addEventListener('abort', callOff, { once: true })
  tools.live.prepare(run.id, preparation)
  try {
    notes.progress({ stage: 'prepare', ...preparation.counts() })
    preparation.start()
    return await preparation.prepared
  } finally {
    signal.removeEventListener('abort', callOff)
    tools.live.prepared(run.id)
  }
}

/** Sites named with their reason in one message. */
const NAMED = 5

interface TooFew {
  readonly kind: 'deserted' | 'too-few'
  readonly reason: 'too_few_ready'
  readonly detail: string
  readonly named: readonly string[]
}

/** Null when enough hold an update. Who is merely gone is waited for; who refuses, or stays silent, has failed. */
function tooFewReady(run: Run, cohort: readonly string[], prepared: Prepared, tools: RoundTools): TooFew | null {
  const needed = neededFor(run.plan)
  const { ready, refused } = prepared
  if (ready.length >= needed) return null
  const missing = cohort.filter((id) => !ready.includes(id))
  const isDeserted = missing.every((id) => tools.attendance.absentSinceMs(id) !== null)
  const reasons = missing.map((id) => {
    const report = refused.get(id)
    return report === undefined ? `${id}: no report` : `${id}: ${report.code} (${report.message})`
  })
  const more = reasons.length > NAMED ? `; and ${reasons.length - NAMED} more` : ''
  const named = `${reasons.slice(0, NAMED).join('; ')}${more}`
  const detail = `${ready.length} of ${cohort.length} hold an update, ${needed} are needed; ${named}`
  return { kind: isDeserted ? 'deserted' : 'too-few', reason: 'too_few_ready', detail, named: [] }
}

async function runSession(
  { run, parent, round, notes }: AttemptRequest,
  {
    sessionId,
    attempt,
    ready,
  }: { readonly sessionId: Uint8Array; readonly attempt: number; readonly ready: readonly string[] },
  tools: RoundTools,
): Promise<SessionEnd> {
  const { plan } = run
  const context = sessionContext(plan, {
    trustDomain: tools.identity.current().bundle.trustDomain,
    runId: run.id,
    round,
    sessionId,
    planDigest: run.planDigest,
    modelDigest: digestOf(parent),
  })
  const { enrolled } = plan.participants
  const asked = { enrolled, expected: new Set(ready), targetCohort: ready.length }
  const setup = { context, contextDigest: contextDigest(context), ...asked }
  const sessionTools = { ...tools, bundle: () => tools.identity.current().bundle }
  const runner = new SessionRunner(sessionTools, {
    setup,
    encoding: encodingOf(plan),
    stageDeadlineMs: plan.timing.stageDeadlineMs,
    joinGraceMs: plan.timing.joinGraceMs,
    version: parent.version,
    onWithdrawn: (spiffeId, { code, message }) => {
      tools.log.info({ run: run.id, round, from: spiffeId, code }, `a site left the session: ${message}`)
      notes.event({ kind: 'participant_withdrew', body: { round, attempt, spiffeId, code, message } })
    },
    onProgress: (progress) => notes.progress(progress),
  })
  tools.live.open(run.id, runner)
  runner.start()
  return runner.ended
}

function digestOf(version: Version): Uint8Array {
  return decodeHex(version.modelDigest) ?? new Uint8Array(0)
}
