/**
 * One attempt at a round: a cohort, its trained updates, one session. Comes out: the secure sum, or why there is none. An
 * attempt that an earlier process of the coordinator began is gone on with where it was. However it ends, it is still live
 * in the store: whoever publishes or records what came of it ends it there, in the same transaction.
 */
import { decodeHex, encodeHex } from '../../shared/crypto/digest.ts'
import { invariant } from '../../shared/errors.ts'
import { cohortSize, encodingOf, sessionContext } from '../../shared/plan/plan-rules.ts'
import { contextDigest } from '../../shared/protocol/context.ts'
import { openSession } from '../protocol/session.ts'
import type { SessionSetup } from '../protocol/session-state.ts'
import type { Run } from '../registry/runs.ts'
import type { AttemptClosing, AttemptEnd, LiveAttempt } from '../registry/session-attempts.ts'
import type { Version } from '../registry/versions.ts'
import type { RecordedSession, SessionJournal } from '../session-runner/session-journal.ts'
import { type SessionEnd, SessionRunner } from '../session-runner/session-runner.ts'
import { CoordinatorStopping } from '../stopping.ts'
import { neededFor } from './needed.ts'
import { Preparation, type Prepared, type Report } from './preparation.ts'
import { withRoomOnDisk } from './room-on-disk.ts'
import type { RoundNotes } from './round-notes.ts'
import type { RoundTools } from './tools.ts'

export type Attempt =
  | {
      readonly kind: 'summed'
      readonly live: LiveAttempt
      readonly end: Extract<SessionEnd, { kind: 'completed' }>
      readonly closing: AttemptClosing
      /** Deletes the session's files, once its end is durable. */
      readonly clear: () => Promise<void>
    }
  | {
      /** `deserted`: too few are left because the others disconnected; the round waits for them, nothing has failed. */
      readonly kind: 'failed' | 'deserted'
      readonly attempt: number
      readonly reason: string
      readonly detail: string
      readonly named: readonly string[]
      /** `null` when not even a cohort was gathered. */
      readonly closing: AttemptClosing | null
      readonly clear: () => Promise<void>
    }

export interface AttemptRequest {
  readonly run: Run
  readonly parent: Version
  readonly round: number
  /** Which of the tries that the plan allows it is. */
  readonly tried: number
  /** When the round's first cohort had gathered; `null` before that. */
  readonly roundStartedAtMs: number | null
  readonly evaluateOnly: boolean
  readonly leftOut: readonly string[]
  readonly notes: RoundNotes
  readonly signal: AbortSignal
}

/** An attempt of an earlier process. */
export interface ResumedAttempt {
  readonly live: LiveAttempt
  /** `null` while its cohort still trains. */
  readonly session: (RecordedSession & { readonly setup: SessionSetup; readonly journal: SessionJournal }) | null
  /** What its cohort reported. */
  readonly reports: ReadonlyMap<string, Report>
  /** Called once everybody in it is told where they stand. */
  readonly onInstalled: () => void
}

/** How long those who served an attempt get to connect again after the coordinator has started. */
export const RECONNECT_MS = 30_000

/** Rejects with the signal's reason when it is called off before the session. */
export async function tryRound(request: AttemptRequest, tools: RoundTools): Promise<Attempt> {
  const { run, round, tried, evaluateOnly, leftOut, notes, signal } = request
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
  try {
    const attempt = await tools.attempts.nextAttempt(run.id, round)
    if (gathered.kind === 'gave-up') {
      const { message } = gathered
      const nothing = { named: [], closing: null, clear: async () => {} }
      return { kind: 'failed', attempt, reason: 'too_few_participants', detail: message, ...nothing }
    }
    const { cohort } = gathered
    const nowMs = tools.nowMs()
    const live: LiveAttempt = {
      sessionId: encodeHex(tools.rng(16)),
      runId: run.id,
      round,
      attempt,
      tried,
      cohort,
      roundStartedAtMs: request.roundStartedAtMs ?? nowMs,
      trainDeadlineAtMs: nowMs + timing.trainDeadlineMs,
    }
    signal.throwIfAborted()
    notes.beginAttempt(attempt)
    const event = { kind: 'round_started', body: { round, attempt, cohort, evaluateOnly } } as const
    await withRoomOnDisk(() => tools.attempts.begin(live, event), { signal, onFull: notes.diskFull })
    await tools.drill.reach('hold-after-commit-attempt-begun', round)
    return await play(request, { live, from: null }, tools)
  } finally {
    tools.floor.release(run.id)
  }
}

/** Goes on with an attempt of an earlier process. */
export async function resumeRound(
  request: AttemptRequest,
  resumed: ResumedAttempt,
  tools: RoundTools,
): Promise<Attempt> {
  const { run, round, notes } = request
  const { live, session } = resumed
  const { sessionId, attempt, cohort } = live
  tools.floor.claim(run.id, cohort)
  tools.attendance.expectBack(cohort, tools.nowMs() + RECONNECT_MS)
  try {
    notes.beginAttempt(attempt)
    const state = session?.session.stage
    const stage = state === undefined ? 'prepare' : state === 'completed' || state === 'aborted' ? 'unmask' : state
    notes.event({ kind: 'session_resumed', body: { round, attempt, session: sessionId, stage } })
    tools.log.info(
      { run: run.name, round, session: sessionId, stage },
      `resumed session ${sessionId} at stage ${stage}`,
    )
    return await play(request, { live, from: resumed }, tools)
  } finally {
    tools.floor.release(run.id)
  }
}

interface Course {
  readonly live: LiveAttempt
  readonly from: ResumedAttempt | null
}

async function play(request: AttemptRequest, { live, from }: Course, tools: RoundTools): Promise<Attempt> {
  const { run, signal } = request
  const { sessionId, attempt, cohort } = live
  const closingAs = (end: AttemptEnd): AttemptClosing => ({ sessionId, end })
  let runner: SessionRunner | null = null
  try {
    let setup = from?.session?.setup ?? null
    if (setup === null) {
      const prepared = await prepare(request, { live, from }, tools)
      const short = tooFewReady(run, cohort, prepared, tools)
      if (short !== null) {
        const closing = closingAs({ outcome: 'aborted', reason: short.reason, named: [] })
        return { ...short, attempt, closing, clear: async () => {} }
      }
      tools.stopping.throwIfAborted()
      setup = setupOf(request, live, prepared.ready, tools)
    }
    const opened =
      from?.session == null ? await open(request, live, setup, tools) : withTimeToReturn(from.session, tools.nowMs())
    // Nothing new is opened once the coordinator stops: who would stop it?
    tools.stopping.throwIfAborted()
    runner = newRunner(request, { live, setup, recorded: opened, journal: opened.journal }, tools)
    tools.live.open(run.id, runner)
    await runner.start()
    from?.onInstalled()
    const end = await runner.ended
    if (end.kind === 'suspended') throw new CoordinatorStopping()
    const clear = () => runner?.clear() ?? Promise.resolve()
    if (end.kind === 'completed') {
      const closing = closingAs({ outcome: 'completed', reason: '', named: [...end.session.named] })
      return { kind: 'summed', live, end, closing, clear }
    }
    const { reason, detail, named } = end
    return {
      kind: 'failed',
      attempt,
      reason,
      detail,
      named,
      closing: closingAs({ outcome: 'aborted', reason, named }),
      clear,
    }
  } catch (error) {
    // What the coordinator's end cuts off goes on at its next start; what anything else cuts off has ended here.
    if (error instanceof CoordinatorStopping) throw error
    const reason = signal.aborted ? 'called_off' : 'coordinator_fault'
    await tools.attempts.close(closingAs({ outcome: 'aborted', reason, named: [] }))
    await runner?.clear()
    throw error
  }
}

async function prepare(
  { run, parent, round, notes, signal }: AttemptRequest,
  { live: { cohort, attempt, trainDeadlineAtMs }, from }: Course,
  tools: RoundTools,
): Promise<Prepared> {
  const leftMs = trainDeadlineAtMs - tools.nowMs()
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
    trainDeadlineMs: from === null ? leftMs : Math.max(leftMs, RECONNECT_MS),
    joinGraceMs: run.plan.timing.joinGraceMs,
    ...(from === null ? {} : { reports: from.reports }),
    onReport: (spiffeId, report) => {
      notes.event({ kind: 'participant_ready', body: { round, attempt, spiffeId, ...report } })
      notes.progress({ stage: 'prepare', ...preparation.counts() })
    },
  })
  const callOff = () =>
    preparation.callOff(signal.reason, signal.reason instanceof CoordinatorStopping ? null : 'the run was stopped')
  signal.addEventListener('abort', callOff, { once: true })
  tools.live.prepare(run.id, preparation)
  try {
    notes.progress({ stage: 'prepare', ...preparation.counts() })
    preparation.start()
    from?.onInstalled()
    if (signal.aborted) callOff()
    return await preparation.prepared
  } finally {
    signal.removeEventListener('abort', callOff)
    tools.live.prepared(run.id)
  }
}

/** Sites named with their reason in one message. */
const NAMED = 5

interface TooFew {
  readonly kind: 'deserted' | 'failed'
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
  return { kind: isDeserted ? 'deserted' : 'failed', reason: 'too_few_ready', detail, named: [] }
}

function setupOf(
  { run, parent, round }: AttemptRequest,
  { sessionId }: LiveAttempt,
  ready: readonly string[],
  tools: RoundTools,
): SessionSetup {
  const id = decodeHex(sessionId)
  invariant(id !== null, 'a session id is stored as hex')
  const context = sessionContext(run.plan, {
    trustDomain: tools.identity.current().bundle.trustDomain,
    runId: run.id,
    round,
    sessionId: id,
    planDigest: run.planDigest,
    modelDigest: digestOf(parent),
  })
  const { enrolled } = run.plan.participants
  const asked = { enrolled, expected: new Set(ready), targetCohort: ready.length }
  return { context, contextDigest: contextDigest(context), ...asked }
}

/** The session exists from here on. */
async function open(
  { run, round, notes, signal }: AttemptRequest,
  { sessionId }: LiveAttempt,
  setup: SessionSetup,
  tools: RoundTools,
): Promise<RecordedSession & { readonly journal: SessionJournal }> {
  const openedAtMs = tools.nowMs()
  const stage = { openedAtMs, deadlineAtMs: openedAtMs + run.plan.timing.stageDeadlineMs }
  const journal = await withRoomOnDisk(() => tools.attempts.open(sessionId, setup, stage), {
    signal,
    onFull: notes.diskFull,
  })
  await tools.drill.reach('hold-after-commit-session-opened', round)
  return { session: openSession(setup), stage, blocks: new Map(), sum: null, journal }
}

/**
 * The stage keeps its deadline, but for the time that agents get to connect again. A clock that was set back meanwhile does
 * not make it longer than a whole stage.
 */
export function withTimeToReturn<Session extends RecordedSession>(session: Session, nowMs: number): Session {
  const { openedAtMs, deadlineAtMs } = session.stage
  const latestMs = nowMs + deadlineAtMs - openedAtMs
  const stage = {
    openedAtMs: Math.min(openedAtMs, nowMs),
    deadlineAtMs: Math.max(Math.min(deadlineAtMs, latestMs), nowMs + RECONNECT_MS),
  }
  return { ...session, stage }
}

function newRunner(
  { run, parent, round, notes }: AttemptRequest,
  session: {
    readonly live: LiveAttempt
    readonly setup: SessionSetup
    readonly recorded: RecordedSession
    readonly journal: SessionJournal
  },
  tools: RoundTools,
): SessionRunner {
  const { plan } = run
  const { setup, recorded, journal, live } = session
  return new SessionRunner(
    { ...tools, bundle: () => tools.identity.current().bundle },
    {
      setup,
      encoding: encodingOf(plan),
      stageDeadlineMs: plan.timing.stageDeadlineMs,
      joinGraceMs: plan.timing.joinGraceMs,
      version: parent.version,
      journal,
      recorded,
      onWithdrawn: (spiffeId, { code, message }) => {
        tools.log.info({ run: run.id, round, from: spiffeId, code }, `a site left the session: ${message}`)
        const { attempt } = live
        notes.event({ kind: 'participant_withdrew', body: { round, attempt, spiffeId, code, message } })
      },
      onProgress: (progress) => notes.progress(progress),
    },
  )
}

function digestOf(version: Version): Uint8Array {
  return decodeHex(version.modelDigest) ?? new Uint8Array(0)
}
