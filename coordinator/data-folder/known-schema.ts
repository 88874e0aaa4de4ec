/**
 * Which schema of ours a store has. A store that comes from elsewhere may hold any SQL as its schema: triggers, views, a
 * statement behind a table's. None of it is ever executed; a store is ours when its schema is, word for word, what our own
 * migration steps make, and every other one is refused before anything but its schema is read.
 */
import { DatabaseSync } from 'node:sqlite'
import { ConfigError } from '../../shared/errors.ts'
import { SCHEMA_VERSION, schemaStatements } from '../store/migrations.ts'

/**
 * The version whose schema `database` has, within the transaction that it is in. `schema` is its name there.
 * @throws ConfigError `store_foreign`; `store_too_new` when it is ours to the point of saying that newer software wrote it.
 */
export function knownSchemaVersion(
  database: DatabaseSync,
  { schema, file }: { readonly schema: 'main' | 'source'; readonly file: string },
): number {
  const found = objectsOf(database, schema)
  for (let version = SCHEMA_VERSION; version >= 0; version -= 1) {
    if (isSame(found, objectsOfVersion(version))) return version
  }
  const [history] = objectsOfVersion(0)
  if (history !== undefined && found.includes(history)) refuseNewer(database, schema, file)
  throw foreignStore(file)
}

/** Looks at the schema of the file only, and changes nothing. @throws ConfigError `store_foreign`, `store_too_new`. */
export function refuseForeignSchema(file: string): void {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
  try {
    database.exec('PRAGMA trusted_schema = OFF; BEGIN')
    knownSchemaVersion(database, { schema: 'main', file })
  } finally {
    database.close()
  }
}

export function foreignStore(file: string): ConfigError {
  return new ConfigError(
    'store_foreign',
    `${file}: not the store of a coordinator; put the right file back, or restore a backup`,
  )
}

function refuseNewer(database: DatabaseSync, schema: string, file: string): void {
  const [row] = database.prepare(`SELECT max(version) AS version FROM ${schema}.schema_version`).all()
  const version = Number(row?.version ?? 0)
  if (version <= SCHEMA_VERSION) return
  const problem = `${file}: schema ${version}, this software knows ${SCHEMA_VERSION}: use the newer software`
  throw new ConfigError('store_too_new', problem)
}

function objectsOfVersion(version: number): readonly string[] {
  const model = new DatabaseSync(':memory:')
  try {
    for (const statement of schemaStatements(version)) model.exec(statement)
    return objectsOf(model, 'main')
  } finally {
    model.close()
  }
}

/** One line per table, index, view and trigger. How it is spaced means nothing; everything else does. */
function objectsOf(database: DatabaseSync, schema: string): readonly string[] {
  return database
    .prepare(`SELECT type, name, tbl_name, sql FROM ${schema}.sqlite_schema`)
    .all()
    .map(({ type, name, tbl_name, sql }) =>
      JSON.stringify([type, name, tbl_name, typeof sql === 'string' ? sql.replaceAll(/\s+/g, ' ') : sql]),
    )
    .sort()
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((line, place) => line === other[place])
}
