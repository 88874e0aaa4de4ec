/**
 * The schema's history: ordered steps, each applied once in its own transaction together with its number. A store written
 * by newer software is refused, for older code cannot know what the newer columns mean.
 */
import { type Kysely, sql } from 'kysely'
import { ConfigError } from '../../shared/errors.ts'
import type { Tables } from './schema.ts'

interface WithHistory extends Tables {
  schema_version: { version: number; applied_at_ms: number }
}

const STEPS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE plan (
      digest text PRIMARY KEY,
      document text NOT NULL,
      created_at_ms integer NOT NULL
    ) STRICT`,
    `CREATE TABLE run (
      id text PRIMARY KEY,
      name text NOT NULL UNIQUE,
      plan_digest text NOT NULL REFERENCES plan (digest),
      state text NOT NULL CHECK (state IN ('running', 'paused', 'completed', 'cancelled')),
      reason text NOT NULL,
      submitted_by text NOT NULL,
      created_at_ms integer NOT NULL,
      final_evaluated integer NOT NULL DEFAULT 0
    ) STRICT`,
    `CREATE TABLE version (
      run_id text NOT NULL REFERENCES run (id),
      version integer NOT NULL,
      model_digest text NOT NULL,
      provenance_digest text NOT NULL,
      session_record_digest text,
      published_at_ms integer NOT NULL,
      survivors integer NOT NULL,
      roster integer NOT NULL,
      training_metrics text NOT NULL,
      evaluation_metrics text,
      PRIMARY KEY (run_id, version)
    ) STRICT`,
    `CREATE TABLE run_event (
      run_id text NOT NULL REFERENCES run (id),
      sequence integer NOT NULL,
      at_ms integer NOT NULL,
      kind text NOT NULL,
      body text NOT NULL,
      PRIMARY KEY (run_id, sequence)
    ) STRICT`,
    `CREATE TABLE session_attempt (
      session_id text PRIMARY KEY,
      run_id text NOT NULL REFERENCES run (id),
      round integer NOT NULL,
      attempt integer NOT NULL,
      opened_at_ms integer NOT NULL,
      ended_at_ms integer,
      outcome text NOT NULL CHECK (outcome IN ('live', 'completed', 'aborted')),
      reason text NOT NULL,
      named text NOT NULL
    ) STRICT`,
    'CREATE INDEX session_attempt_of_round ON session_attempt (run_id, round)',
  ],
  // Plans of before have none, and the sites refuse them.
  ['ALTER TABLE plan ADD COLUMN signature text'],
  // Live sessions: until here they were in memory only.
  [
    `CREATE TABLE live_session (
      session_id text PRIMARY KEY REFERENCES session_attempt (session_id),
      tried integer NOT NULL,
      cohort text NOT NULL,
      round_started_at_ms integer NOT NULL,
      train_deadline_at_ms integer NOT NULL,
      setup text,
      stage_opened_at_ms integer,
      stage_deadline_at_ms integer,
      sum_file text,
      sum_digest text,
      sum_contributors text
    ) STRICT`,
    `CREATE TABLE session_fact (
      session_id text NOT NULL REFERENCES live_session (session_id) ON DELETE CASCADE,
      sequence integer NOT NULL,
      body text NOT NULL,
      PRIMARY KEY (session_id, sequence)
    ) STRICT`,
    `CREATE TABLE upload_block (
      session_id text NOT NULL REFERENCES live_session (session_id) ON DELETE CASCADE,
      roster_index integer NOT NULL,
      block integer NOT NULL,
      digest text NOT NULL,
      PRIMARY KEY (session_id, roster_index, block)
    ) STRICT`,
  ],
]

/** The schema this software writes. */
export const SCHEMA_VERSION = STEPS.length

const HISTORY =
  'CREATE TABLE IF NOT EXISTS schema_version (version integer PRIMARY KEY, applied_at_ms integer NOT NULL) STRICT'

/** What makes an empty database one of that version; 0 is a store whose first step was cut off. */
export function schemaStatements(version: number): readonly string[] {
  return [HISTORY, ...STEPS.slice(0, version).flat()]
}

/** Applies the steps that the store lacks. */
export async function migrate(store: Kysely<Tables>): Promise<void> {
  const database = store as unknown as Kysely<WithHistory>
  await sql.raw(HISTORY).execute(database)
  const { present } = await database
    .selectFrom('schema_version')
    .select((row) => row.fn.coalesce(row.fn.max('version'), sql<number>`0`).as('present'))
    .executeTakeFirstOrThrow()
  if (present > SCHEMA_VERSION) {
    throw new ConfigError(
      'store_too_new',
      `the store has schema ${present}, this software knows ${SCHEMA_VERSION}: start the newer software again, or ` +
        'restore the folder from before the upgrade',
    )
  }
  for (const [place, statements] of STEPS.entries()) {
    if (place < present) continue
    await database.transaction().execute(async (transaction) => {
      for (const statement of statements) await sql.raw(statement).execute(transaction)
      await transaction
        .insertInto('schema_version')
        .values({ version: place + 1, applied_at_ms: Date.now() })
        .execute()
    })
  }
}
