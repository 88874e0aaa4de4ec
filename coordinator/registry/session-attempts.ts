/**
 * Every try at a round's session, for the record: which one is live, how the others ended, and who was caught. A try that
 * is still live when the coordinator starts was cut off by its end.
 */
import type { Store } from '../store/database.ts'

export interface AttemptEnd {
  readonly outcome: 'completed' | 'aborted'
  readonly reason: string
  readonly named: readonly string[]
}

export interface SessionAttempts {
  /** The number of the next try at this round, from 1. */
  nextAttempt(runId: string, round: number): Promise<number>
  open(attempt: {
    readonly sessionId: string
    readonly runId: string
    readonly round: number
    readonly attempt: number
  }): Promise<void>
  close(sessionId: string, end: AttemptEnd): Promise<void>
  /** SPIFFE IDs caught in the run's last session. */
  namedInLast(runId: string): Promise<readonly string[]>
  /** Marks what was live as aborted by a restart; returns what it was. */
  abortLive(): Promise<readonly { readonly runId: string; readonly round: number; readonly attempt: number }[]>
}

export function openSessionAttempts(store: Store, nowMs: () => number): SessionAttempts {
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
    async open({ sessionId, runId, round, attempt }) {
      await store
        .insertInto('session_attempt')
        .values({
          session_id: sessionId,
          run_id: runId,
          round,
          attempt,
          opened_at_ms: nowMs(),
          ended_at_ms: null,
          outcome: 'live',
          reason: '',
          named: '[]',
        })
        .execute()
    },
    async close(sessionId, { outcome, reason, named }) {
      await store
        .updateTable('session_attempt')
        .set({ ended_at_ms: nowMs(), outcome, reason, named: JSON.stringify(named) })
        .where('session_id', '=', sessionId)
        .execute()
    },
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
    async abortLive() {
      const rows = await store
        .updateTable('session_attempt')
        .set({ ended_at_ms: nowMs(), outcome: 'aborted', reason: 'coordinator_restarted' })
        .where('outcome', '=', 'live')
        .returning(['run_id', 'round', 'attempt'])
        .execute()
      return rows.map((row) => ({ runId: row.run_id, round: row.round, attempt: row.attempt }))
    },
  }
}
