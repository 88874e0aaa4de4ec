/**
 * The run's history and its followers. Events are appended inside the transaction that makes them true; followers are only
 * woken, and read what is new from the store, so that a watcher never sees an event that was rolled back.
 */
import { EventEmitter } from 'node:events'
import type { Transaction } from 'kysely'
import type { Store } from '../store/database.ts'
import type { RunEventTable, Tables } from '../store/schema.ts'
import type { RunEventBody, RunEventKind, StoredEvent } from './run-events.ts'

export interface EventLog {
  /** Appends within `transaction`; call {@link wake} once it has committed. */
  append(transaction: Transaction<Tables>, runId: string, event: RunEventBody): Promise<void>
  /** Appends all of them in one transaction of their own. */
  record(runId: string, ...events: readonly RunEventBody[]): Promise<void>
  /** Tells followers that the run may have new events. */
  wake(runId: string): void
  /** Events after `sequence`, in order, at most `limit`. */
  since(runId: string, sequence: number, limit?: number): Promise<readonly StoredEvent[]>
  /** The latest events of these kinds, newest first. */
  latest(runId: string, kinds: readonly RunEventKind[], limit?: number): Promise<readonly StoredEvent[]>
  /** Calls `listener` whenever the run may have new events, until the returned function is called. */
  follow(runId: string, listener: () => void): () => void
}

export function openEventLog(store: Store, nowMs: () => number): EventLog {
  const followers = new EventEmitter().setMaxListeners(0)
  const log: EventLog = {
    async append(transaction, runId, event) {
      const { last } = await transaction
        .selectFrom('run_event')
        .where('run_id', '=', runId)
        .select((row) => row.fn.max('sequence').as('last'))
        .executeTakeFirstOrThrow()
      await transaction
        .insertInto('run_event')
        .values({
          run_id: runId,
          sequence: (last ?? 0) + 1,
          at_ms: nowMs(),
          kind: event.kind,
          body: JSON.stringify(event.body),
        })
        .execute()
    },
    async record(runId, ...events) {
      await store.transaction().execute(async (transaction) => {
        for (const event of events) await log.append(transaction, runId, event)
      })
      log.wake(runId)
    },
    wake: (runId) => void followers.emit(runId),
    async since(runId, sequence, limit = 500) {
      const rows = await store
        .selectFrom('run_event')
        .where('run_id', '=', runId)
        .where('sequence', '>', sequence)
        .orderBy('sequence')
        .limit(limit)
        .selectAll()
        .execute()
      return rows.map(eventOf)
    },
    async latest(runId, kinds, limit = 1000) {
      const rows = await store
        .selectFrom('run_event')
        .where('run_id', '=', runId)
        .where('kind', 'in', kinds)
        .orderBy('sequence', 'desc')
        .limit(limit)
        .selectAll()
        .execute()
      return rows.map(eventOf)
    },
    follow(runId, listener) {
      followers.on(runId, listener)
      return () => void followers.off(runId, listener)
    },
  }
  return log
}

function eventOf(row: RunEventTable): StoredEvent {
  // Safety: only append writes the kind, from the same union.
  return { sequence: row.sequence, atMs: row.at_ms, kind: row.kind as RunEventKind, body: row.body }
}
