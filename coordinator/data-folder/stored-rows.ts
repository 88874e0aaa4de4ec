/**
 * A store as it lies on disk, read as it is at one moment and without bringing its schema up to date: for whoever looks at a
 * data folder, its own or a copy, while a coordinator may be running on it.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { ConfigError } from '../../shared/errors.ts'
import { copyStore } from './copy-store.ts'
import { foreignStore } from './known-schema.ts'

export type Row = Readonly<Record<string, string | number | null>>

export interface StoredRows {
  /** 0 where none is recorded. */
  readonly schemaVersion: number
  /** Empty for a table that this schema does not have yet. */
  rows(table: string, rest?: string): readonly Row[]
  close(): void
}

const MAGIC = 'SQLite format 3\0'

/** @throws ConfigError `store_missing`, `store_foreign` for what is no store of ours, `store_too_new`, `store_damaged`. */
export function openStoredRows(file: string): StoredRows {
  refuseForeignStore(file, 'missing')
  // In memory: nobody who writes has to wait for whoever looks.
  const database = new DatabaseSync(':memory:')
  // Safety: our columns are text, whole numbers and nulls.
  const all = (sql: string) => database.prepare(sql).all() as unknown as readonly Row[]
  try {
    copyStore(file, database, new Set())
    const tables = new Set(all(`SELECT name FROM sqlite_schema WHERE type = 'table'`).map(({ name }) => name))
    const [history] = all('SELECT max(version) AS version FROM schema_version')
    return {
      schemaVersion: Number(history?.version ?? 0),
      rows: (table, rest = '') => (tables.has(table) ? all(`SELECT * FROM ${table} ${rest}`) : []),
      close: () => database.close(),
    }
  } catch (cause) {
    database.close()
    throw cause instanceof ConfigError ? cause : damaged(file, cause)
  }
}

/** What SQLite itself finds wrong with the file, at most `limit` lines of each kind. */
export function storeDamage(file: string, limit: number): readonly string[] {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
  try {
    database.exec('PRAGMA trusted_schema = OFF')
    const pages = database
      .prepare(`PRAGMA integrity_check(${limit})`)
      .all()
      .map((row) => String(Object.values(row)[0]))
      .filter((text) => text !== 'ok')
    const strays = database.prepare('PRAGMA foreign_key_check').all().slice(0, limit)
    return [
      ...pages,
      ...strays.map(({ table, parent }) => `a row of ${table} names one of ${parent} that is not there`),
    ]
  } finally {
    database.close()
  }
}

/**
 * Looks at the first bytes only. An empty file is a store that was about to be made.
 * @throws ConfigError `store_foreign`, and `store_missing` where it has to be there.
 */
export function refuseForeignStore(file: string, whenAbsent: 'fine' | 'missing'): void {
  let handle: number
  try {
    handle = openSync(file, 'r')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw damaged(file, cause)
    if (whenAbsent === 'fine') return
    throw new ConfigError('store_missing', `${file}: there is no store; is this the data folder of a coordinator?`)
  }
  try {
    const head = Buffer.alloc(MAGIC.length)
    const length = readSync(handle, head, 0, head.length, 0)
    if (length === 0 && whenAbsent === 'fine') return
    if (head.toString('latin1', 0, length) !== MAGIC) throw foreignStore(file)
  } finally {
    closeSync(handle)
  }
}

function damaged(file: string, cause: unknown): ConfigError {
  return new ConfigError('store_damaged', `${file}: cannot be read: ${(cause as Error).message}; restore a backup`, {
    cause,
  })
}
