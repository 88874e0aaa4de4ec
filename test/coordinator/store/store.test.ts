import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, test } from 'vitest'
import { openBlobs } from '../../../coordinator/store/blobs.ts'
import { openStore } from '../../../coordinator/store/database.ts'
import { SCHEMA_VERSION } from '../../../coordinator/store/migrations.ts'
import { sha256Hex } from '../../../shared/crypto/digest.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-store-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('the store', () => {
  test('writes every commit through to the disk and checks references', async () => {
    const file = join(folder, 'durable.sqlite')
    const store = await openStore(file)
    await expect(
      store.insertInto('run_event').values({ run_id: 'none', sequence: 1, at_ms: 0, kind: 'x', body: '{}' }).execute(),
    ).rejects.toThrow('FOREIGN KEY')
    await store.destroy()
    const database = new DatabaseSync(file)
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    database.close()
  })

  test('records its schema version, and opens again without doing a step twice', async () => {
    const file = join(folder, 'again.sqlite')
    await (await openStore(file)).destroy()
    await (await openStore(file)).destroy()
    const database = new DatabaseSync(file)
    const versions = database.prepare('SELECT version FROM schema_version').all()
    expect(versions).toEqual(Array.from({ length: SCHEMA_VERSION }, (_, place) => ({ version: place + 1 })))
    database.close()
  })

  test('takes over the plans of a store from before plans were signed', async () => {
    const file = join(folder, 'unsigned.sqlite')
    await (await openStore(file)).destroy()
    const database = new DatabaseSync(file)
    for (const table of ['upload_block', 'session_fact', 'live_session']) database.exec(`DROP TABLE ${table}`)
    database.exec('ALTER TABLE plan DROP COLUMN signature')
    database.exec('DELETE FROM schema_version WHERE version > 1')
    database.prepare('INSERT INTO plan VALUES (?, ?, ?)').run('d', '{}', 1)
    database.close()
    const store = await openStore(file)
    const plans = await store.selectFrom('plan').selectAll().execute()
    expect(plans).toEqual([{ digest: 'd', document: '{}', created_at_ms: 1, signature: null }])
    await store.destroy()
  })

  test('refuses a store that newer software wrote', async () => {
    const file = join(folder, 'newer.sqlite')
    await (await openStore(file)).destroy()
    const database = new DatabaseSync(file)
    database.exec(`INSERT INTO schema_version VALUES (${SCHEMA_VERSION + 1}, 0)`)
    database.close()
    await expect(openStore(file)).rejects.toMatchObject({ code: 'store_too_new' })
  })

  test('takes back what a failed transaction did', async () => {
    const store = await openStore(':memory:')
    const failed = store.transaction().execute(async (transaction) => {
      await transaction.insertInto('plan').values({ digest: 'd', document: '{}', created_at_ms: 1 }).execute()
      throw new Error('half way')
    })
    await expect(failed).rejects.toThrow('half way')
    expect(await store.selectFrom('plan').selectAll().execute()).toEqual([])
    await store.destroy()
  })
})

describe('blobs', () => {
  const bytes = new Uint8Array(3 * 1024 * 1024 + 17).map((_, place) => place * 31)

  test('are named by their digest, streamed in pieces and the same when stored twice', async () => {
    const blobs = await openBlobs(join(folder, 'blobs'))
    const digest = await blobs.put(bytes)
    expect(digest).toBe(sha256Hex(bytes))
    expect(await blobs.put(bytes)).toBe(digest)
    expect(await blobs.size(digest)).toBe(bytes.length)
    expect(sha256Hex(await blobs.get(digest))).toBe(digest)
    const pieces: number[] = []
    for await (const piece of blobs.stream(digest)) pieces.push(piece.length)
    expect(pieces).toEqual([1 << 20, 1 << 20, 1 << 20, 17])
    expect(readdirSync(join(folder, 'blobs', 'incomplete'))).toEqual([])
  })

  test('may be empty', async () => {
    const blobs = await openBlobs(join(folder, 'empty'))
    expect(await blobs.get(await blobs.put(new Uint8Array(0)))).toEqual(new Uint8Array(0))
  })

  test('whose bytes have changed on disk are not handed out', async () => {
    const blobs = await openBlobs(join(folder, 'changed'))
    const digest = await blobs.put(bytes)
    const file = join(folder, 'changed', digest.slice(0, 2), digest)
    const stored = readFileSync(file)
    stored[100]! ^= 1
    writeFileSync(file, stored)
    await expect(blobs.get(digest)).rejects.toThrow('other bytes')
  })

  test('that broke off leave nothing behind', async () => {
    const blobs = await openBlobs(join(folder, 'broken'))
    const breaking = async function* () {
      yield bytes
      throw new Error('the sender went away')
    }
    await expect(blobs.putStream(breaking())).rejects.toThrow('went away')
    expect(readdirSync(join(folder, 'broken', 'incomplete'))).toEqual([])
    expect(await blobs.size(sha256Hex(bytes))).toBeNull()
  })

  test('that nothing names are deleted, the others stay', async () => {
    const blobs = await openBlobs(join(folder, 'orphans'))
    const [kept, orphan] = [await blobs.put(bytes), await blobs.put(bytes.subarray(1))]
    expect(await blobs.deleteExcept(new Set([kept]))).toBe(1)
    expect([await blobs.size(kept), await blobs.size(orphan)]).toEqual([bytes.length, null])
    expect(await blobs.deleteExcept(new Set([kept]))).toBe(0)
  })

  test('that a killed process left half written are cleared at the next start', async () => {
    await openBlobs(join(folder, 'killed'))
    writeFileSync(join(folder, 'killed', 'incomplete', 'half'), 'half')
    await openBlobs(join(folder, 'killed'))
    expect(readdirSync(join(folder, 'killed', 'incomplete'))).toEqual([])
  })
})
