/**
 * What the store knows, counted when the metrics are read: runs by state, sessions by outcome, versions. Over a connection of
 * its own that can only read, so that nothing waits for it.
 */
import { DatabaseSync } from 'node:sqlite'
import type { Metrics } from './metrics.ts'

const RUN_STATES = ['running', 'paused', 'completed', 'cancelled']
const LIVE = 'live'

/** Counts in the store's file, which is there by the first reading, until the returned function is called. */
export function measureStore(file: string, metrics: Metrics): () => void {
  let database: DatabaseSync | null = null
  metrics.onRead(() => {
    database ??= new DatabaseSync(file, { readOnly: true })
    const all = (sql: string) => database?.prepare(sql).all() ?? []
    const runs = all('SELECT state, count(*) AS count FROM run GROUP BY state')
    for (const state of RUN_STATES) {
      metrics.set('blindsum_runs', { state }, Number(runs.find((row) => row.state === state)?.count ?? 0))
    }
    const sessions = all('SELECT outcome, reason, count(*) AS count FROM session_attempt GROUP BY outcome, reason')
    const ended = sessions
      .filter(({ outcome }) => outcome !== LIVE)
      .map((row) => ({
        labels: { outcome: String(row.outcome), reason: String(row.reason) },
        value: Number(row.count),
      }))
    metrics.counted('blindsum_sessions_total', ended)
    metrics.set('blindsum_sessions_live', {}, Number(sessions.find(({ outcome }) => outcome === LIVE)?.count ?? 0))
    const [versions] = all('SELECT count(*) AS count FROM version')
    metrics.counted('blindsum_versions_total', [{ labels: {}, value: Number(versions?.count ?? 0) }])
  })
  return () => {
    database?.close()
    database = null
  }
}
