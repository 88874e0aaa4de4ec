/** A store whose schema is somebody else's: nothing of it is executed, whoever looks at it, copies or restores it. */
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { backUp } from '../../../coordinator/data-folder/backup.ts'
import { checkDataFolder } from '../../../coordinator/data-folder/check-data-folder.ts'
import { othersMayWrite } from '../../../coordinator/data-folder/others-may-write.ts'
import { restore } from '../../../coordinator/data-folder/restore.ts'
import { openStore } from '../../../coordinator/store/database.ts'
import { SCHEMA_VERSION, schemaStatements } from '../../../coordinator/store/migrations.ts'

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  return { ...real, rm: vi.fn(real.rm) }
})

const parent = mkdtempSync(join(tmpdir(), 'blindsum-foreign-'))
const keyFile = join(parent, 'absent.pem')
const refused = (code: string) => expect.objectContaining({ name: 'ConfigError', code })
let made = 0
afterAll(() => rmSync(parent, { recursive: true }))

/** A data folder of this schema, without a run. */
function folderOf(version: number): string {
  made += 1
  const folder = join(parent, `data-${made}`)
  mkdirSync(join(folder, 'blobs'), { recursive: true, mode: 0o700 })
  const database = new DatabaseSync(join(folder, 'coordinator.sqlite'))
  for (const statement of schemaStatements(version)) database.exec(statement)
  for (let step = 1; step <= version; step += 1) database.prepare('INSERT INTO schema_version VALUES (?, 0)').run(step)
  database.close()
  return folder
}

/** Puts any text in the place of a table's. */
function withSchemaText(folder: string, text: string): void {
  const database = new DatabaseSync(join(folder, 'coordinator.sqlite'))
  database.enableDefensive(false)
  database.exec('PRAGMA writable_schema = ON; CREATE TABLE aaa (x)')
  database.prepare(`UPDATE sqlite_schema SET sql = ? WHERE name = 'aaa'`).run(text)
  database.close()
}

const withSql = (sql: string) => (folder: string) => {
  const database = new DatabaseSync(join(folder, 'coordinator.sqlite'))
  database.exec(sql)
  database.close()
}

/** A backup as whoever can write to its place would make it: the manifest fits. */
function backupOf(folder: string): string {
  const to = `${folder}-backup`
  mkdirSync(to)
  copyFileSync(join(folder, 'coordinator.sqlite'), join(to, 'coordinator.sqlite'))
  const bytes = readFileSync(join(to, 'coordinator.sqlite'))
  const store = { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length }
  const counts = { runs: 0, versions: 0, sessionsLeftOut: 0 }
  const about = { format: 'blindsum/backup/v1', madeAt: new Date().toISOString(), softwareVersion: '0' }
  const manifest = { ...about, schemaVersion: SCHEMA_VERSION, ...counts, keyHint: null, store, blobs: [] }
  writeFileSync(join(to, 'backup.json'), JSON.stringify(manifest))
  return to
}

const elsewhere = join(parent, 'elsewhere.sqlite')
const STATEMENTS = `CREATE TABLE aaa (x); COMMIT; ATTACH '${elsewhere}' AS y; CREATE TABLE y.t (c); DETACH y; BEGIN`

describe.each([
  ['with statements behind a table', (folder: string) => withSchemaText(folder, STATEMENTS)],
  ['with one table more', withSql('CREATE TABLE more (x)')],
  ['with a view', withSql('CREATE VIEW more AS SELECT 1')],
  ['with a trigger', withSql('CREATE TRIGGER more AFTER INSERT ON run BEGIN DELETE FROM plan; END')],
  ['with an index over an expression', withSql('CREATE INDEX more ON run (abs(final_evaluated))')],
  ['with one column more', withSql('ALTER TABLE run ADD COLUMN more text')],
  ['with one table less', withSql('DROP TABLE upload_block')],
])('a store %s', (_what, change) => {
  test('is refused when it is looked at, copied and restored', async () => {
    const folder = folderOf(SCHEMA_VERSION)
    change(folder)
    const findings = await checkDataFolder({ dataFolder: folder, keyFile })
    expect(findings.at(-1)).toMatchObject({
      check: 'store',
      verdict: 'broken',
      problems: [expect.stringMatching(/^store_foreign/)],
    })
    await expect(backUp({ dataFolder: folder, keyFile, to: `${folder}-to` })).rejects.toEqual(refused('store_foreign'))
    const dataFolder = `${folder}-new`
    await expect(restore({ from: backupOf(folder), dataFolder, keyFile })).rejects.toEqual(refused('store_foreign'))
    expect(existsSync(join(dataFolder, 'coordinator.sqlite'))).toBe(false)
    expect(existsSync(elsewhere)).toBe(false)
  })
})

test.each(Array.from({ length: SCHEMA_VERSION }, (_, place) => place + 1))(
  'a store of schema %i is ours, and a coordinator brings its restored copy up to date',
  async (version) => {
    const dataFolder = `${folderOf(version)}-new`
    const from = backupOf(dataFolder.replace('-new', ''))
    const { findings } = await restore({ from, dataFolder, keyFile })
    expect(findings.filter(({ verdict }) => verdict === 'broken')).toEqual([])
    await (await openStore(join(dataFolder, 'coordinator.sqlite'))).destroy()
    expect((await checkDataFolder({ dataFolder, keyFile })).find(({ check }) => check === 'schema')?.verdict).toBe('ok')
  },
)

test('a coordinator without any version is backed up and restored', async () => {
  const to = join(parent, 'empty-backup')
  const dataFolder = folderOf(SCHEMA_VERSION)
  await backUp({ dataFolder, keyFile, to })
  expect(await restore({ from: to, dataFolder: join(parent, 'empty-new'), keyFile })).toMatchObject({
    manifest: { versions: 0, blobs: [] },
  })
})

test.each([
  [0o700, false],
  [0o755, false],
  [0o770, true],
  [0o702, true],
])('a folder of mode %o is one that others may write to: %s', (mode, expected) => {
  const folder = folderOf(SCHEMA_VERSION)
  chmodSync(folder, mode)
  expect(othersMayWrite(folder)).toBe(expected)
})

test('a folder put in the way of a backup is not taken for its own', async () => {
  const to = join(parent, 'taken')
  const aside = join(parent, '.taken.incomplete')
  vi.mocked(rm).mockImplementationOnce(async () => void mkdirSync(aside))
  await expect(backUp({ dataFolder: folderOf(SCHEMA_VERSION), keyFile, to })).rejects.toEqual(
    refused('folder_unwritable'),
  )
  expect(existsSync(to)).toBe(false)
})

test('a store of newer software is told as such, and not looked into', async () => {
  const folder = folderOf(SCHEMA_VERSION)
  withSql(`INSERT INTO schema_version VALUES (${SCHEMA_VERSION + 1}, 0); CREATE TABLE later (x)`)(folder)
  await expect(backUp({ dataFolder: folder, keyFile, to: `${folder}-to` })).rejects.toEqual(refused('store_too_new'))
})
