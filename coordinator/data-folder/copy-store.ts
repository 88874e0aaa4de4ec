/**
 * Copies a store as it is at one moment, while a coordinator may be writing to it: everything is read in one transaction,
 * which sees one commit and none after it. The copy never has rows that were left out, not even deleted ones.
 */
import type { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'

/** Rows of live sessions: what sites have revealed is among them, and it ends with the session. */
export const LIVE_TABLES: ReadonlySet<string> = new Set(['live_session', 'session_fact', 'upload_block'])

/** Fills `into`, an empty database, with the tables of the file `from`; those of `emptied` stay empty. */
export function copyStore(from: string, into: DatabaseSync, emptied: ReadonlySet<string>): void {
  into.exec('PRAGMA foreign_keys = OFF')
  into.prepare('ATTACH ? AS source').run(`${pathToFileURL(from).href}?mode=ro`)
  try {
    into.exec('BEGIN')
    const schema = into
      .prepare(
        `SELECT type, name, sql FROM source.sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`,
      )
      .all()
    for (const { name, sql } of schema.filter(({ type }) => type === 'table')) {
      into.exec(String(sql))
      if (emptied.has(String(name))) continue
      const table = `"${String(name).replaceAll('"', '""')}"`
      into.exec(`INSERT INTO main.${table} SELECT * FROM source.${table}`)
    }
    for (const { sql } of schema.filter(({ type }) => type !== 'table')) into.exec(String(sql))
    into.exec('COMMIT')
  } catch (error) {
    if (into.isTransaction) into.exec('ROLLBACK')
    throw error
  } finally {
    into.exec('DETACH source')
  }
}
