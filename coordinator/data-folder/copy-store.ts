/**
 * Copies a store as it is at one moment, while a coordinator may be writing to it: everything is read in one transaction,
 * which sees one commit and none after it. The copy never has rows that were left out, not even deleted ones.
 *
 * Safety: tables are made by our own statements; nothing that a file says is executed.
 */
import type { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { schemaStatements } from '../store/migrations.ts'
import { knownSchemaVersion } from './known-schema.ts'

/** Rows of live sessions: what sites have revealed is among them, and it ends with the session. */
export const LIVE_TABLES: ReadonlySet<string> = new Set(['live_session', 'session_fact', 'upload_block'])

/**
 * Fills `into`, an empty database, with the tables of the file `from`; those of `emptied` stay empty.
 * @throws ConfigError `store_foreign`, `store_too_new`.
 */
export function copyStore(from: string, into: DatabaseSync, emptied: ReadonlySet<string>): void {
  into.exec('PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF')
  into.prepare('ATTACH ? AS source').run(`${pathToFileURL(from).href}?mode=ro`)
  try {
    into.exec('BEGIN')
    const version = knownSchemaVersion(into, { schema: 'source', file: from })
    for (const statement of schemaStatements(version)) into.exec(statement)
    for (const { name } of into.prepare(`SELECT name FROM main.sqlite_schema WHERE type = 'table'`).all()) {
      if (emptied.has(String(name))) continue
      const columns = into.prepare(`SELECT name FROM pragma_table_info(?, 'main')`).all(String(name))
      const names = columns.map((column) => `"${column.name}"`).join(', ')
      into.exec(`INSERT INTO main."${name}" (${names}) SELECT ${names} FROM source."${name}"`)
    }
    into.exec('COMMIT')
  } catch (error) {
    if (into.isTransaction) into.exec('ROLLBACK')
    throw error
  } finally {
    into.exec('DETACH source')
  }
}
