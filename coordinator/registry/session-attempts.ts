/**
 * Every try at a round's session, for the record: which one is live, how the others ended, and who was caught. A live one
 * has a second row, with all that a coordinator needs to go on with it after a restart; it goes when the session ends, in
 * the transaction that says what came of it.
 */
import type { Transaction } from 'kysely'
import { encodeStored } from '../../shared/protocol/stored-form.ts'
import type { SessionSetup } from '../protocol/session-state.ts'
import type { SessionJournal, StageTimes } from '../session-runner/session-journal.ts'
import type { Store } from '../store/database.ts'
import { openForgetting } from '../store/forgetting.ts'
import type { Tables } from '../store/schema.ts'
import type { EventLog } from './event-log.ts'
import type { RunEventBody } from './run-events.ts'
import { recordedSession, sessionJournal, stageColumns } from './session-rows.ts'

export interface AttemptEnd {
  readonly outcome: 'completed' | 'aborted'
  readonly reason: string
  readonly named: readonly string[]
}

/** A live attempt at a round: its cohort trains, or its session is open. */
export interface LiveAttempt {
  readonly sessionId: string
  readonly runId: string
  readonly round: number
  readonly attempt: number
  /** Which of the tries that the plan allows it is. */
  readonly tried: number
  readonly cohort: readonly string[]
  readonly roundStartedAtMs: number
  readonly trainDeadlineAtMs: number
}

/** What becomes of a live attempt together with something else. */
export interface AttemptClosing {
  readonly sessionId: string
  readonly end: AttemptEnd
}

export interface SessionAttempts {
  /** The number of the next try at this round, from 1. */
  nextAttempt(runId: string, round: number): Promise<number>
  /** An attempt whose cohort is about to train, with the event that says so. */
  begin(live: LiveAttempt, event: RunEventBody): Promise<void>
  /** Its session is about to open stage 0. */
  open(sessionId: string, setup: SessionSetup, stage: StageTimes): Promise<SessionJournal>
  /** The attempt has ended, with the events that say so, and what it revealed is forgotten; does nothing when it has already. */
  close(closing: AttemptClosing, ...events: readonly RunEventBody[]): Promise<void>
  /** What ended sessions revealed is on this disk no longer, or will not be as soon as nobody else reads the store. */
  forgetDeleted(): Promise<void>
  /** Attempts that have not ended, oldest first. */
  live(): Promise<readonly LiveAttempt[]>
  /** A live attempt's session at its last commit; `null` while its cohort still trains. */
  recorded(sessionId: string): ReturnType<typeof recordedSession>
  /** SPIFFE IDs caught in the run's last session. */
  namedInLast(runId: string): Promise<readonly string[]>
  /** Marks as aborted what an older version of this software left live; returns what it was. */
  abortForgotten(): Promise<readonly { readonly runId: string; readonly round: number; readonly attempt: number }[]>
}

export function openSessionAttempts(store: Store, nowMs: () => number, events: EventLog): SessionAttempts {
  const forgetDeleted = openForgetting(store)
  return {
    async nextAttempt(runId, round) {
      const { last } = await store
        .selectFrom('session_attempt')
        .where('run_id', '=', runId)
        .where('round', '=', round)
        .select((row) => row.fn.max('attempt').as('last'))
        .executeTakeFirstOrThrow()
      return (last ?? 0) + 1
    },
    async begin(live, event) {
      await store.transaction().execute(async (transaction) => {
        await transaction
          .insertInto('session_attempt')
          .values({
            session_id: live.sessionId,
            run_id: live.runId,
            round: live.round,
            attempt: live.attempt,
            opened_at_ms: nowMs(),
            ended_at_ms: null,
            outcome: 'live',
            reason: '',
            named: '[]',
          })
          .execute()
        await transaction
          .insertInto('live_session')
          .values({
            session_id: live.sessionId,
            tried: live.tried,
            cohort: JSON.stringify(live.cohort),
            round_started_at_ms: live.roundStartedAtMs,
            train_deadline_at_ms: live.trainDeadlineAtMs,
            setup: null,
            stage_opened_at_ms: null,
            stage_deadline_at_ms: null,
            sum_file: null,
            sum_digest: null,
            sum_contributors: null,
          })
          .execute()
        await events.append(transaction, live.runId, event)
      })
      events.wake(live.runId)
    },
    async open(sessionId, setup, stage) {
      await store
        .updateTable('live_session')
        .set({ setup: encodeStored(setup), ...stageColumns(stage) })
        .where('session_id', '=', sessionId)
        .execute()
      return sessionJournal(store, sessionId)
    },
    async close(closing, ...ending) {
      const runId = await store.transaction().execute(async (transaction) => {
        const closed = await closeAttempt(transaction, closing, nowMs())
        for (const event of ending) if (closed !== null) await events.append(transaction, closed, event)
        return closed
      })
      if (runId !== null) events.wake(runId)
      await forgetDeleted()
    },
    forgetDeleted,
    async live() {
      const rows = await store
        .selectFrom('live_session')
        .innerJoin('session_attempt', 'session_attempt.session_id', 'live_session.session_id')
        .selectAll('live_session')
        .select(['session_attempt.run_id', 'session_attempt.round', 'session_attempt.attempt'])
        .orderBy('session_attempt.opened_at_ms')
        .execute()
      return rows.map((row) => ({
        sessionId: row.session_id,
        runId: row.run_id,
        round: row.round,
        attempt: row.attempt,
        tried: row.tried,
        cohort: JSON.parse(row.cohort) as readonly string[],
        roundStartedAtMs: row.round_started_at_ms,
        trainDeadlineAtMs: row.train_deadline_at_ms,
      }))
    },
    recorded: (sessionId) => recordedSession(store, sessionId),
    async namedInLast(runId) {
      const row = await store
        .selectFrom('session_attempt')
        .where('run_id', '=', runId)
        .orderBy('opened_at_ms', 'desc')
        .orderBy('round', 'desc')
        .orderBy('attempt', 'desc')
        .select('named')
        .executeTakeFirst()
      return row === undefined ? [] : (JSON.parse(row.named) as string[])
    },
    async abortForgotten() {
      const rows = await store
        .updateTable('session_attempt')
        .set({ ended_at_ms: nowMs(), outcome: 'aborted', reason: 'coordinator_restarted' })
        .where('outcome', '=', 'live')
        .where((where) => where('session_id', 'not in', where.selectFrom('live_session').select('session_id')))
        .returning(['run_id', 'round', 'attempt'])
        .execute()
      return rows.map((row) => ({ runId: row.run_id, round: row.round, attempt: row.attempt }))
    },
  }
}

/** Within `transaction`: the attempt has ended, and what its session kept is deleted. Its run, or `null` when it had ended. */
export async function closeAttempt(
  transaction: Transaction<Tables>,
  { sessionId, end }: AttemptClosing,
  nowMs: number,
): Promise<string | null> {
  const row = await transaction
    .updateTable('session_attempt')
    .set({ ended_at_ms: nowMs, outcome: end.outcome, reason: end.reason, named: JSON.stringify(end.named) })
    .where('session_id', '=', sessionId)
    .where('outcome', '=', 'live')
    .returning('run_id')
    .executeTakeFirst()
  await transaction.deleteFrom('live_session').where('session_id', '=', sessionId).execute()
  return row?.run_id ?? null
}
