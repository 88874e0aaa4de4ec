/** A backup and what is made of it again; and everything that keeps a restore from becoming visible. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { backUp } from '../../../coordinator/data-folder/backup.ts'
import { checkDataFolder } from '../../../coordinator/data-folder/check-data-folder.ts'
import { openStoreOf } from '../../../coordinator/data-folder/open-store.ts'
import { restore } from '../../../coordinator/data-folder/restore.ts'
import { lockFolder } from '../../../shared/runtime/folder-lock.ts'
import { blobOf, filesBelow, overwrite, type StockedFolder, spoilStore, stockFolder } from './stocked-folder.ts'

let stock: StockedFolder
let backup: string
let made = 0

beforeAll(async () => {
  stock = await stockFolder()
  backup = join(stock.domain.folder, 'backup')
  await backUp({ dataFolder: stock.copy(), keyFile: stock.keyFile, to: backup })
}, 120_000)
afterAll(() => stock.remove())

/** A path where nothing is yet. */
function fresh(): string {
  made += 1
  return join(stock.domain.folder, `fresh-${made}`)
}

/** The backup, to be spoilt. */
function copyOfBackup(): string {
  const folder = fresh()
  cpSync(backup, folder, { recursive: true })
  return folder
}

const restoreTo = (dataFolder: string, from = backup, keyFile = stock.keyFile) => restore({ from, dataFolder, keyFile })
const refused = (code: string) => expect.objectContaining({ name: 'ConfigError', code })
const table = (folder: string, name: string) => {
  const database = new DatabaseSync(join(folder, 'coordinator.sqlite'), { readOnly: true })
  const rows = database.prepare(`SELECT * FROM ${name} ORDER BY 1, 2`).all()
  database.close()
  return rows
}

test('what is restored has every row and every blob, and a coordinator starts on it', async () => {
  const dataFolder = fresh()
  const { manifest, findings, isKeyThere } = await restoreTo(dataFolder)
  expect(manifest).toMatchObject({ runs: 1, versions: 3, sessionsLeftOut: 0, blobs: { length: 8 } })
  expect(isKeyThere).toBe(true)
  expect(findings.filter(({ verdict }) => verdict === 'broken')).toEqual([])
  const original = stock.copy()
  for (const name of ['plan', 'run', 'version', 'run_event', 'session_attempt', 'schema_version']) {
    expect(table(dataFolder, name)).toEqual(table(original, name))
  }
  const blobs = (folder: string) => filesBelow(join(folder, 'blobs'))
  expect(blobs(dataFolder)).toEqual(blobs(original))
  const whole = await checkDataFolder({ dataFolder, keyFile: stock.keyFile })
  expect(whole.filter(({ verdict }) => verdict !== 'ok')).toEqual([])
  await (await openStoreOf(dataFolder)).destroy()
})

test('live sessions stay behind, with whatever was revealed in them', async () => {
  const dataFolder = stock.copy()
  spoilStore(
    dataFolder,
    `UPDATE session_attempt SET outcome = 'live', ended_at_ms = NULL WHERE round = 2;
     INSERT INTO live_session SELECT session_id, 1, '[]', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL
       FROM session_attempt WHERE round = 2;
     INSERT INTO session_fact SELECT session_id, 1, 'REVEALED' FROM live_session`,
  )
  const to = fresh()
  expect(await backUp({ dataFolder, keyFile: stock.keyFile, to })).toMatchObject({ sessionsLeftOut: 1 })
  expect(table(to, 'session_fact')).toEqual([])
  expect(table(to, 'session_attempt').filter(({ outcome }) => outcome === 'live')).toHaveLength(1)
  expect(readFileSync(join(to, 'coordinator.sqlite')).includes('REVEALED')).toBe(false)
  expect(readFileSync(join(dataFolder, 'coordinator.sqlite')).includes('REVEALED')).toBe(true)
})

describe('a backup is refused', () => {
  test('into a folder that has something in it', async () => {
    await expect(backUp({ dataFolder: stock.copy(), keyFile: stock.keyFile, to: backup })).rejects.toEqual(
      refused('folder_not_empty'),
    )
  })

  test.each([
    ['blob_missing', (folder: string) => rmSync(blobOf(folder, 'model_digest', 1))],
    ['blob_differs', (folder: string) => overwrite(blobOf(folder, 'session_record_digest', 2))],
    ['store_missing', (folder: string) => rmSync(join(folder, 'coordinator.sqlite'))],
    ['store_foreign', (folder: string) => overwrite(join(folder, 'coordinator.sqlite'))],
  ])('%s, and leaves nothing', async (code, spoil) => {
    const dataFolder = stock.copy()
    spoil(dataFolder)
    const to = fresh()
    await expect(backUp({ dataFolder, keyFile: stock.keyFile, to })).rejects.toEqual(refused(code))
    expect(existsSync(to)).toBe(false)
  })
})

describe('a restore is refused', () => {
  test('into a folder that has something in it', async () => {
    const dataFolder = stock.copy()
    const before = filesBelow(dataFolder)
    await expect(restoreTo(dataFolder)).rejects.toEqual(refused('folder_not_empty'))
    expect(filesBelow(dataFolder)).toEqual(before)
  })

  test('into a folder that another process has', async () => {
    const dataFolder = fresh()
    const lock = lockFolder(dataFolder, 'coordinator')
    await expect(restoreTo(dataFolder)).rejects.toEqual(refused('folder_in_use'))
    lock.release()
  })

  const newer = (folder: string) => {
    const file = join(folder, 'backup.json')
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), schemaVersion: 999 }))
  }
  const lying = (folder: string) => {
    // As the manifest says, but not as the rows say.
    const file = join(folder, 'backup.json')
    const manifest = JSON.parse(readFileSync(file, 'utf8'))
    writeFileSync(file, JSON.stringify({ ...manifest, blobs: manifest.blobs.slice(1) }))
  }
  test.each([
    ['backup_unreadable', (folder: string) => rmSync(join(folder, 'backup.json'))],
    ['backup_unreadable', (folder: string) => truncateSync(join(folder, 'backup.json'), 40)],
    ['store_too_new', newer],
    ['backup_differs', (folder: string) => truncateSync(join(folder, 'coordinator.sqlite'), 8192)],
    ['backup_differs', (folder: string) => overwrite(blobOf(folder, 'model_digest', 2))],
    ['backup_differs', (folder: string) => rmSync(blobOf(folder, 'provenance_digest', 0))],
    ['backup_broken', lying],
  ])('%s, and leaves nothing to start on', async (code, spoil) => {
    const from = copyOfBackup()
    spoil(from)
    const dataFolder = fresh()
    await expect(restoreTo(dataFolder, from)).rejects.toEqual(refused(code))
    expect(existsSync(dataFolder) ? filesBelow(dataFolder) : []).toEqual(
      ['backup_unreadable', 'store_too_new'].includes(code) ? [] : ['lock.sqlite'],
    )
    await restoreTo(dataFolder)
    expect(table(dataFolder, 'version')).toHaveLength(3)
  })
})

test('a restore that was cut off keeps coordinators out, and begins anew', async () => {
  const dataFolder = fresh()
  mkdirSync(join(dataFolder, 'restoring'), { recursive: true })
  cpSync(join(backup, 'blobs'), join(dataFolder, 'blobs'), { recursive: true })
  overwrite(join(dataFolder, 'coordinator.sqlite'), 'half')
  await expect(openStoreOf(dataFolder)).rejects.toEqual(refused('restore_unfinished'))
  await restoreTo(dataFolder)
  await (await openStoreOf(dataFolder)).destroy()
})

test('without the signing key the data is restored, and that is said', async () => {
  expect(await restoreTo(fresh(), backup, join(stock.domain.folder, 'absent.pem'))).toMatchObject({ isKeyThere: false })
})

test.each([
  ['store_foreign', (file: string) => overwrite(file, 'x'.repeat(9000))],
  [
    'store_damaged',
    (file: string) => writeFileSync(file, Buffer.concat([readFileSync(file).subarray(0, 100), Buffer.alloc(9000, 90)])),
  ],
])('a coordinator is refused a folder with %s', async (code, spoil) => {
  const dataFolder = stock.copy()
  spoil(join(dataFolder, 'coordinator.sqlite'))
  await expect(openStoreOf(dataFolder)).rejects.toEqual(refused(code))
})
