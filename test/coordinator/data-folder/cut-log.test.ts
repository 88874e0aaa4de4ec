/** A write-ahead log cut anywhere: what was committed before the cut is there, the rest is gone, and nothing is half there. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, test } from 'vitest'
import { openStoreOf } from '../../../coordinator/data-folder/open-store.ts'
import { storeDamage } from '../../../coordinator/data-folder/stored-rows.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-cut-log-'))
afterAll(() => rmSync(folder, { recursive: true }))

const COMMITS = 20
const FILES = ['coordinator.sqlite', 'coordinator.sqlite-wal']

test('a log that is cut gives the commits before the cut', async () => {
  const original = join(folder, 'original')
  mkdirSync(original)
  await (await openStoreOf(original)).destroy()
  const writer = new DatabaseSync(join(original, FILES[0] ?? ''))
  writer.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0')
  const ends: number[] = []
  for (let commit = 1; commit <= COMMITS; commit++) {
    writer.exec(`BEGIN;
      INSERT INTO plan VALUES ('a${commit}', '{}', ${commit}, NULL);
      INSERT INTO plan VALUES ('b${commit}', '${'x'.repeat(3000)}', ${commit}, NULL);
      COMMIT`)
    ends.push(statSync(join(original, FILES[1] ?? '')).size)
  }
  const cuts = ends.flatMap((end) => [end - 4096, end - 1, end]).filter((bytes) => bytes >= 0)
  for (const [place, bytes] of cuts.entries()) {
    const copy = join(folder, String(place))
    mkdirSync(copy)
    for (const name of FILES) copyFileSync(join(original, name), join(copy, name))
    truncateSync(join(copy, FILES[1] ?? ''), bytes)
    const store = await openStoreOf(copy)
    const rows = await store.selectFrom('plan').select('digest').execute()
    const whole = ends.filter((end) => end <= bytes).length
    expect(rows.map(({ digest }) => digest).sort()).toEqual(
      Array.from({ length: whole }, (_, at) => [`a${at + 1}`, `b${at + 1}`])
        .flat()
        .sort(),
    )
    await store.destroy()
    expect(storeDamage(join(copy, FILES[0] ?? ''), 1)).toEqual([])
  }
  writer.close()
})
