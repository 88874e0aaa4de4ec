/**
 * The participant's journal on disk: one SQLite file in the data folder, in which every fact is durable (WAL, synchronous
 * FULL) before `record` returns. In: facts of the protocol core. Out: what the core asks of them, after any crash. It
 * holds no secret but the stage-4 reply, and that only until the session is over or its deadline has passed.
 */
import { chmodSync, existsSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { ConfigError, invariant, unreachable } from '../shared/errors.ts'
import type { Reveal } from '../shared/protocol/reveal.ts'
import { decodeStored, encodeStored } from '../shared/protocol/stored-form.ts'
import type { JournalMark } from './journal-mark.ts'
import type { JournalFact, JournalView } from './protocol/journal.ts'
import { storageFailureOf } from './storage-failure.ts'

export interface Journal extends JournalView {
  /**
   * Makes a fact durable. Throws InvariantError for one that contradicts an earlier one, which the core never does.
   * `replyUntilMs` goes with `session-opened`: when a recorded reply of that session is deleted at the latest.
   */
  record(fact: JournalFact, limits?: { readonly replyUntilMs: number }): void
  /** Deletes the replies of sessions whose deadline has passed: what nobody will ask for again. */
  expireReplies(nowMs: number): void
  /** Which journal this is and how far it has come: goes with what is kept beside it. */
  mark(): JournalMark
  close(): void
}

const FORMAT = 3

/** Empties the write-ahead log, in which a deleted reply would stand for some time yet. */
const FORGET_OLD_PAGES = 'PRAGMA wal_checkpoint(TRUNCATE)'

/** A session past its deadline is over: nothing is answered there again. */
const CLOSE_ANSWERED =
  'UPDATE session SET closed = 1, reply = NULL, request_digest = NULL WHERE reply_until_ms <= ? AND reply IS NOT NULL'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS session (
    id BLOB PRIMARY KEY,
    model_digest BLOB NOT NULL,
    plan_digest BLOB,
    round INTEGER,
    opened_at_ms INTEGER NOT NULL,
    reply_until_ms INTEGER NOT NULL,
    closed INTEGER NOT NULL DEFAULT 0,
    roster_digest BLOB,
    shared BLOB,
    survivors BLOB,
    request_digest BLOB,
    reply TEXT
  ) STRICT;
  CREATE TABLE IF NOT EXISTS spent_update (
    digest BLOB PRIMARY KEY,
    session_id BLOB NOT NULL REFERENCES session (id)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS journal (id TEXT NOT NULL) STRICT;
  INSERT INTO journal SELECT lower(hex(randomblob(16))) WHERE NOT EXISTS (SELECT 1 FROM journal);
  CREATE INDEX IF NOT EXISTS session_by_model ON session (model_digest);
  CREATE INDEX IF NOT EXISTS session_by_round ON session (plan_digest, round);
  CREATE INDEX IF NOT EXISTS session_by_time ON session (opened_at_ms);
`

/** Format 1 did not know the plan and the round; its sessions count by their model only. */
const FROM_FORMAT_1 = 'ALTER TABLE session ADD COLUMN plan_digest BLOB; ALTER TABLE session ADD COLUMN round INTEGER;'

/**
 * Opens the journal at `path`, making it when absent.
 * @throws ConfigError `journal_unusable` when the file cannot be opened, is damaged, or is of a newer format.
 */
export function openJournal(path: string): Journal {
  const database = openDatabase(path)
  const run = (sql: string, ...values: SQLInputValue[]) => Number(database.prepare(sql).run(...values).changes)
  const one = (sql: string, ...values: SQLInputValue[]) => database.prepare(sql).get(...values)
  // A full disk leaves the log as it is; what was recorded is durable all the same.
  let isLogStale = false
  const forgetOldPages = () => {
    isLogStale = true
    try {
      isLogStale = !forgetsOldPages(database)
    } catch (error) {
      if (storageFailureOf(error) === null) throw error
    }
  }
  // A process killed right after it deleted a reply had no time for this.
  forgetOldPages()
  return {
    knowsSession: (sessionId) => one('SELECT 1 FROM session WHERE id = ?', sessionId) !== undefined,
    tookPartSince: (planDigest, ms) => {
      const joined = 'session JOIN spent_update ON session_id = id'
      const sql = `SELECT 1 FROM ${joined} WHERE plan_digest = ? AND opened_at_ms >= ? LIMIT 1`
      return one(sql, planDigest, ms) !== undefined
    },
    isSpent: (updateDigest) => one('SELECT 1 FROM spent_update WHERE digest = ?', updateDigest) !== undefined,
    maskedSessionsOn: ({ modelDigest, planDigest, round }) => {
      const count = 'SELECT count(DISTINCT id) FROM session JOIN spent_update ON session_id = id WHERE'
      const row = one(
        `SELECT max((${count} model_digest = ?), (${count} plan_digest = ? AND round = ?)) AS sessions`,
        modelDigest,
        planDigest,
        round,
      )
      return Number(row?.sessions ?? 0)
    },
    maskedSessionsSince: (ms) => {
      const joined = 'session JOIN spent_update ON session_id = id'
      const row = one(`SELECT count(DISTINCT id) AS sessions FROM ${joined} WHERE opened_at_ms >= ?`, ms)
      return Number(row?.sessions ?? 0)
    },
    replyOf: (sessionId) => {
      const sql = 'SELECT request_digest, reply FROM session WHERE id = ? AND reply IS NOT NULL AND reply_until_ms > ?'
      const row = one(sql, sessionId, Date.now())
      if (row === undefined) return null
      const { request_digest: requestDigest, reply } = row
      invariant(requestDigest instanceof Uint8Array && typeof reply === 'string', 'a reply stands with its request')
      return { requestDigest, reply: decodeStored<Reveal>(reply) }
    },
    record: (fact, limits) => {
      const endsReplies = fact.kind === 'session-opened' || fact.kind === 'session-closed'
      const hadReplies = endsReplies && one('SELECT 1 FROM session WHERE reply IS NOT NULL LIMIT 1') !== undefined
      database.exec('BEGIN IMMEDIATE')
      try {
        apply(fact, limits?.replyUntilMs ?? Number.MAX_SAFE_INTEGER, run)
        database.exec('COMMIT')
      } catch (error) {
        // A full disk may have rolled it back already.
        if (database.isTransaction) database.exec('ROLLBACK')
        throw error
      }
      if (hadReplies) forgetOldPages()
    },
    expireReplies: (nowMs) => {
      if (run(CLOSE_ANSWERED, nowMs) > 0 || isLogStale) forgetOldPages()
    },
    mark: () => {
      const row = one('SELECT id, (SELECT count(*) FROM session) AS sessions FROM journal')
      return { id: String(row?.id), sessions: Number(row?.sessions) }
    },
    close: () => database.close(),
  }
}

/** Whether the log is empty now; not while somebody else reads it, such as a backup. */
function forgetsOldPages(database: DatabaseSync): boolean {
  return database.prepare(FORGET_OLD_PAGES).get()?.busy === 0
}

/** Writes one fact. A fact set before may only be repeated, with the same bytes. */
function apply(
  fact: JournalFact,
  replyUntilMs: number,
  run: (sql: string, ...values: SQLInputValue[]) => number,
): void {
  const { sessionId } = fact
  const setOnce = (column: 'roster_digest' | 'shared' | 'survivors', value: Uint8Array) => {
    const sql = `UPDATE session SET ${column} = ?1 WHERE id = ?2 AND closed = 0 AND (${column} IS NULL OR ${column} = ?1)`
    invariant(run(sql, value, sessionId) === 1, `the journal has no open session that may set ${column}`)
  }
  switch (fact.kind) {
    case 'session-opened': {
      // Entering another session abandons every other one: nothing is answered there again.
      run('UPDATE session SET closed = 1, reply = NULL, request_digest = NULL WHERE closed = 0')
      const columns = 'id, model_digest, plan_digest, round, opened_at_ms, reply_until_ms'
      const sql = `INSERT INTO session (${columns}) VALUES (?, ?, ?, ?, ?, ?)`
      run(sql, sessionId, fact.modelDigest, fact.planDigest, fact.round, fact.atMs, replyUntilMs)
      return
    }
    case 'roster-accepted':
      setOnce('roster_digest', fact.rosterDigest)
      return
    case 'shared-set-accepted':
      setOnce('shared', fact.shared)
      return
    case 'survivors-attested':
      setOnce('survivors', fact.survivors)
      return
    case 'update-spent': {
      const sql = `INSERT INTO spent_update (digest, session_id) SELECT ?1, id FROM session WHERE id = ?2 AND closed = 0
        AND NOT EXISTS (SELECT 1 FROM spent_update WHERE session_id = ?2) ON CONFLICT DO NOTHING`
      const changed = run(sql, fact.updateDigest, sessionId)
      invariant(changed === 1, 'an update is spent once, in an open session, and a session spends one')
      return
    }
    case 'answered': {
      const sql =
        'UPDATE session SET request_digest = ?1, reply = ?2 WHERE id = ?3 AND closed = 0 AND request_digest IS NULL'
      const changed = run(sql, fact.requestDigest, encodeStored(fact.reply), sessionId)
      invariant(changed === 1, 'a session is answered once')
      return
    }
    case 'session-closed':
      run('UPDATE session SET closed = 1, reply = NULL, request_digest = NULL WHERE id = ?', sessionId)
      return
    default:
      unreachable(fact)
  }
}

function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    const isNew = !existsSync(path)
    database = new DatabaseSync(path, { timeout: 5000 })
    if (isNew) chmodSync(path, 0o600)
    // secure_delete: a deleted reply is overwritten in the file, not only forgotten.
    database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON',
    )
    const version = Number(database.prepare('PRAGMA user_version').get()?.user_version)
    if (version > FORMAT) throw new Error(`it is of format ${version}, this version knows ${FORMAT}`)
    const migration = version === 1 ? FROM_FORMAT_1 : ''
    database.exec(`BEGIN IMMEDIATE; ${migration} ${SCHEMA} PRAGMA user_version = ${FORMAT}; COMMIT`)
    database.prepare(CLOSE_ANSWERED).run(Date.now())
    return database
  } catch (cause) {
    database?.close()
    const why = cause instanceof Error ? cause.message : String(cause)
    if (storageFailureOf(cause)?.code === 'disk_full') {
      throw new ConfigError('disk_full', `the journal ${path} cannot be opened: ${why}; make room on its disk`, {
        cause,
      })
    }
    const advice =
      'without it an update could be masked twice: restore the file, or remove the data folder to start as a new site'
    throw new ConfigError('journal_unusable', `the journal ${path} cannot be used: ${why}; ${advice}`, { cause })
  }
}
