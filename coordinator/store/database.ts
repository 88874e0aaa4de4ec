/**
 * The coordinator's store: one SQLite file through Kysely, opened durably (write-ahead log, fsync on every commit). The
 * built-in `node:sqlite` is fitted to the dialect by a shim of a few lines; nothing else in the coordinator knows it.
 */
import { chmodSync, closeSync, existsSync, openSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { Kysely, type SqliteDatabase, SqliteDialect, sql } from 'kysely'
import { migrate } from './migrations.ts'
import type { Tables } from './schema.ts'

export type Store = Kysely<Tables>

/** So long a statement waits for another process. */
const BUSY_MS = 5000

const PRAGMAS = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = ON;
  PRAGMA trusted_schema = OFF;
  PRAGMA secure_delete = ON;
`

/**
 * Opens the file, making it and bringing its schema up to date; `:memory:` in tests.
 * @throws ConfigError `store_too_new` when a newer version of the software wrote it.
 */
export async function openStore(file: string): Promise<Store> {
  if (file !== ':memory:') keepToOneself(file)
  const database = new DatabaseSync(file, { timeout: BUSY_MS })
  database.exec(PRAGMAS)
  const store = new Kysely<Tables>({ dialect: new SqliteDialect({ database: asKyselyDatabase(database) }) })
  try {
    await migrate(store)
  } catch (error) {
    database.close()
    throw error
  }
  return store
}

/**
 * Deleted rows are overwritten where they were; this also empties the log in which they were written. False, at once, when
 * somebody is reading what is in it: then it has to be asked for again.
 */
export async function emptyWriteAheadLog(store: Store): Promise<boolean> {
  return store.connection().execute(async (connection) => {
    // Waiting here would hold up everything that this process does.
    await sql`PRAGMA busy_timeout = 0`.execute(connection)
    try {
      const { rows } = await sql<{ busy: number }>`PRAGMA wal_checkpoint(TRUNCATE)`.execute(connection)
      return rows[0]?.busy === 0
    } finally {
      await sql.raw(`PRAGMA busy_timeout = ${BUSY_MS}`).execute(connection)
    }
  })
}

/** Only its owner reads or writes the file: in it is what sites revealed. SQLite gives its log the mode of the file. */
function keepToOneself(file: string): void {
  closeSync(openSync(file, 'a', 0o600))
  for (const one of [file, `${file}-wal`, `${file}-shm`]) if (existsSync(one)) chmodSync(one, 0o600)
}

function asKyselyDatabase(database: DatabaseSync): SqliteDatabase {
  return {
    close: () => database.close(),
    prepare(text) {
      // A full disk ends a transaction by itself; what failed is then told, not that there is nothing to roll back.
      if (text === 'rollback' && !database.isTransaction) return NOTHING_TO_DO
      const statement = database.prepare(text)
      // Safety: Kysely hands over what our typed queries bound: text, numbers and nulls.
      const bound = (values: readonly unknown[]) => values as SQLInputValue[]
      return {
        reader: statement.columns().length > 0,
        all: (values) => statement.all(...bound(values)),
        run: (values) => statement.run(...bound(values)),
        iterate: (values) => statement.iterate(...bound(values)) as IterableIterator<unknown>,
      }
    },
  }
}

const NOTHING_TO_DO = {
  reader: false,
  all: () => [],
  run: () => ({ changes: 0, lastInsertRowid: 0 }),
  iterate: () => [][Symbol.iterator](),
}
