/** What `coordinator --check` finds: nothing in a folder that is whole, and each kind of damage by its own check. */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkDataFolder } from '../../../coordinator/data-folder/check-data-folder.ts'
import {
  blobOf,
  filesBelow,
  overwrite,
  type StockedFolder,
  spoilStore,
  stockFolder,
  stockLiveFolder,
} from './stocked-folder.ts'

let stock: StockedFolder
beforeAll(async () => {
  stock = await stockFolder()
}, 120_000)
afterAll(() => stock.remove())

const check = (dataFolder: string, keyFile = stock.keyFile) => checkDataFolder({ dataFolder, keyFile })

async function verdicts(dataFolder: string, keyFile = stock.keyFile) {
  return Object.fromEntries((await check(dataFolder, keyFile)).map((found) => [found.check, found.verdict]))
}

test('a folder that is whole has nothing to be told of, and is left as it was', async () => {
  const folder = stock.copy()
  const before = filesBelow(folder).filter((name) => !/-(wal|shm)$/.test(name))
  const findings = await check(folder)
  expect(findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([])
  expect(findings.map((found) => found.check)).toEqual([
    'folder',
    'database',
    'schema',
    'plans',
    'runs',
    'sessions',
    'blobs',
    'blobs unnamed',
    'history',
    'spool',
    'spool unneeded',
  ])
  expect(findings.find((found) => found.check === 'history')?.detail).toContain('3 versions of 1 runs')
  expect(filesBelow(folder).filter((name) => !/-(wal|shm)$/.test(name))).toEqual(before)
})

const DAMAGE: readonly (readonly [what: string, check: string, spoil: (folder: string) => void])[] = [
  ['a model that is gone', 'blobs', (folder) => rmSync(blobOf(folder, 'model_digest', 1))],
  ['a model with other bytes', 'blobs', (folder) => overwrite(blobOf(folder, 'model_digest', 1))],
  ['a model cut short', 'blobs', (folder) => truncateSync(blobOf(folder, 'model_digest', 2), 100)],
  ['provenance with other bytes', 'history', (folder) => overwrite(blobOf(folder, 'provenance_digest', 1))],
  ['a session record that is gone', 'history', (folder) => rmSync(blobOf(folder, 'session_record_digest', 1))],
  [
    'a version that names the model of another',
    'history',
    (folder) =>
      spoilStore(
        folder,
        `UPDATE version SET model_digest = (SELECT model_digest FROM version WHERE version = 0) WHERE version = 1`,
      ),
  ],
  [
    'a version without its event',
    'runs',
    (folder) => spoilStore(folder, `UPDATE run_event SET body = '{}' WHERE kind = 'version_published'`),
  ],
  ['a version that is not there', 'runs', (folder) => spoilStore(folder, 'DELETE FROM version WHERE version = 1')],
  ['an event that is not there', 'runs', (folder) => spoilStore(folder, 'DELETE FROM run_event WHERE sequence = 2')],
  ['a run that ended too early', 'runs', (folder) => spoilStore(folder, 'DELETE FROM version WHERE version = 2')],
  ['a plan with other bytes', 'plans', (folder) => spoilStore(folder, `UPDATE plan SET document = document || ' '`)],
  ['a run without its plan', 'database', (folder) => spoilStore(folder, 'DELETE FROM plan')],
  ['a page with other bytes', 'database', (folder) => spoilPages(join(folder, 'coordinator.sqlite'))],
  ['a store of newer software', 'schema', (folder) => spoilStore(folder, 'INSERT INTO schema_version VALUES (999, 0)')],
  ['no store', 'store', (folder) => rmSync(join(folder, 'coordinator.sqlite'))],
  ['another file in the place of the store', 'store', (folder) => overwrite(join(folder, 'coordinator.sqlite'))],
]

describe('finds', () => {
  test.each(DAMAGE)('%s', async (_what, by, spoil) => {
    const folder = stock.copy()
    spoil(folder)
    const findings = await check(folder)
    const found = findings.find((one) => one.check === by)
    expect(found).toMatchObject({ verdict: 'broken' })
    expect(found?.problems.length).toBeGreaterThan(0)
  })

  test('a history that another key has signed', async () => {
    const other = join(stock.domain.folder, 'other.pem')
    expect(await verdicts(stock.copy(), other)).toMatchObject({ history: 'broken', blobs: 'ok' })
  })
})

/** Leaves the first page, so that the file is still a store. */
function spoilPages(file: string): void {
  const { size } = statSync(file)
  truncateSync(file, 4096)
  writeFileSync(file, Buffer.alloc(size - 4096, 0x5a), { flag: 'a' })
}

test('what nobody names is told of, and breaks nothing', async () => {
  const folder = stock.copy()
  const some = blobOf(folder, 'model_digest', 1)
  mkdirSync(join(folder, 'blobs', 'ab'), { recursive: true })
  copyFileSync(some, join(folder, 'blobs', 'ab', 'ab'.repeat(32)))
  writeFileSync(join(folder, 'blobs', 'incomplete', 'half'), 'x')
  writeFileSync(join(folder, 'spool', 'left'), 'x')
  writeFileSync(join(folder, 'notes.txt'), 'x')
  chmodSync(folder, 0o755)
  const findings = await check(folder)
  expect(findings.filter(({ verdict }) => verdict === 'broken')).toEqual([])
  const problems = findings.flatMap((found) => found.problems)
  expect(problems).toEqual(
    expect.arrayContaining([
      "notes.txt is none of the coordinator's",
      `others can look into it: chmod 700 ${folder}`,
      `blobs/ab/${'ab'.repeat(32)}`,
      'blobs/incomplete/half',
      'spool/left',
    ]),
  )
  expect(readdirSync(folder)).toContain('notes.txt')
})

describe('a folder left in the middle of a session', () => {
  let live: StockedFolder
  beforeAll(async () => {
    live = await stockLiveFolder()
  }, 120_000)
  afterAll(() => live.remove())

  const looked = async (folder: string) => {
    const findings = await checkDataFolder({ dataFolder: folder, keyFile: live.keyFile })
    return findings.filter(({ verdict }) => verdict !== 'ok')
  }
  const spooled = (folder: string) => readdirSync(join(folder, 'spool')).map((name) => join(folder, 'spool', name))

  test('is whole, with the masked inputs that came', async () => {
    const folder = live.copy()
    expect(await looked(folder)).toEqual([])
    expect(spooled(folder)).toHaveLength(4)
  })

  test.each([
    ['a masked input that is gone', 'spool', (folder: string) => rmSync(spooled(folder)[0] ?? '')],
    [
      'a fact that is gone',
      'spool',
      (folder: string) => spoilStore(folder, 'DELETE FROM session_fact WHERE sequence = 3'),
    ],
    [
      'a fact that is none',
      'spool',
      (folder: string) => spoilStore(folder, `UPDATE session_fact SET body = '{}' WHERE sequence = 3`),
    ],
    [
      'a sum with other bytes',
      'spool',
      (folder: string) => {
        writeFileSync(join(folder, 'spool', 'sum'), 'x')
        spoilStore(folder, `UPDATE live_session SET sum_file = 'sum', sum_digest = 'ff', sum_contributors = '[]'`)
      },
    ],
    [
      'a session that has ended and is kept',
      'sessions',
      (folder: string) => spoilStore(folder, `UPDATE session_attempt SET outcome = 'completed'`),
    ],
  ])('finds %s', async (_what, by, spoil) => {
    const folder = live.copy()
    spoil(folder)
    const broken = (await looked(folder)).filter(({ verdict }) => verdict === 'broken')
    expect(broken).toEqual([expect.objectContaining({ check: by })])
  })

  test('a session that nobody kept is told of: it ends at the next start', async () => {
    const folder = live.copy()
    spoilStore(folder, 'DELETE FROM live_session')
    const found = (await looked(folder)).map(({ check, verdict }) => [check, verdict])
    expect(found).toEqual([
      ['database', 'broken'],
      ['sessions', 'noted'],
      ['spool unneeded', 'noted'],
    ])
  })
})
