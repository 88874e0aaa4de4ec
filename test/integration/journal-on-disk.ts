/**
 * What a killed agent left of its journal, read from a copy of the files: every column of every table, and the raw bytes,
 * so that nothing is there that the test did not look at.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { encodeHex } from '../../shared/crypto/digest.ts'
import type { Reveal } from '../../shared/protocol/reveal.ts'
import { decodeStored } from '../../shared/protocol/stored-form.ts'

/** The facts of one session, digests and bitmaps as hex; null for what was not recorded. */
export interface SessionFacts {
  readonly id: string
  readonly round: number
  readonly roster: string | null
  readonly shared: string | null
  readonly survivors: string | null
  /** The updates spent in it. */
  readonly spent: readonly string[]
  readonly request: string | null
  readonly reply: Reveal | null
  readonly isClosed: boolean
}

export interface JournalOnDisk {
  readonly sessions: readonly SessionFacts[]
  /** Every table with its columns. */
  readonly tables: Readonly<Record<string, readonly string[]>>
  /** All bytes of the database and its write-ahead log. */
  readonly bytes: Buffer
}

/** What the journal's tables may hold: facts of protocol.md, what local policy counts sessions by, and the journal's own id. */
export const JOURNAL_TABLES = {
  session: [
    ...['id', 'model_digest', 'plan_digest', 'round', 'opened_at_ms', 'reply_until_ms', 'closed'],
    ...['roster_digest', 'shared', 'survivors', 'request_digest', 'reply'],
  ],
  spent_update: ['digest', 'session_id'],
  journal: ['id'],
}

export function readJournal(folder: string): JournalOnDisk {
  const copy = mkdtempSync(join(tmpdir(), 'journal-copy-'))
  try {
    cpSync(folder, copy, { recursive: true })
    const files = readdirSync(copy).filter((name) => name.startsWith('journal.sqlite'))
    const bytes = Buffer.concat(files.map((name) => readFileSync(join(copy, name))))
    const database = new DatabaseSync(join(copy, 'journal.sqlite'))
    const rows = (sql: string) => database.prepare(sql).all()
    const spent = rows('SELECT digest, session_id FROM spent_update').map((row) => [
      hex(row.session_id),
      hex(row.digest),
    ])
    const sessions = rows('SELECT * FROM session ORDER BY rowid').map((row) => ({
      id: hex(row.id) ?? '',
      round: Number(row.round),
      roster: hex(row.roster_digest),
      shared: hex(row.shared),
      survivors: hex(row.survivors),
      spent: spent.flatMap(([session, digest]) => (session === hex(row.id) ? [String(digest)] : [])),
      request: hex(row.request_digest),
      reply: typeof row.reply === 'string' ? decodeStored<Reveal>(row.reply) : null,
      isClosed: row.closed === 1,
    }))
    const names = rows("SELECT name FROM sqlite_master WHERE type = 'table'").map(({ name }) => String(name))
    const columnsOf = (table: string) =>
      rows(`SELECT name FROM pragma_table_info('${table}')`).map(({ name }) => `${name}`)
    const tables = Object.fromEntries(names.map((name) => [name, columnsOf(name)]))
    database.close()
    return { sessions, tables, bytes }
  } finally {
    rmSync(copy, { recursive: true })
  }
}

function hex(value: unknown): string | null {
  return value instanceof Uint8Array ? encodeHex(value) : null
}
