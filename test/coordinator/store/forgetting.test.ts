/** What a session revealed is gone from every file of the store when the session has ended, however it did. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, expect, test } from 'vitest'
import { openEventLog } from '../../../coordinator/registry/event-log.ts'
import { openSessionAttempts } from '../../../coordinator/registry/session-attempts.ts'
import { findAttempts } from '../../../coordinator/rounds/recovery.ts'
import type { RoundTools } from '../../../coordinator/rounds/tools.ts'
import { emptyWriteAheadLog, openStore, type Store } from '../../../coordinator/store/database.ts'
import { openForgetting } from '../../../coordinator/store/forgetting.ts'

const parent = mkdtempSync(join(tmpdir(), 'blindsum-forgetting-'))
let folder = ''
let store: Store
afterEach(() => store.destroy())
afterAll(() => rmSync(parent, { recursive: true }))

const SECRET = 'REVEALED-BY-A-SITE'
const isOnDisk = () =>
  readdirSync(folder)
    .filter((name) => !name.endsWith('-shm'))
    .some((name) => readFileSync(join(folder, name)).includes(SECRET))

/** A store with a live session in which something was revealed. */
async function revealed() {
  folder = mkdtempSync(join(parent, 'store-'))
  const file = join(folder, 'coordinator.sqlite')
  store = await openStore(file)
  await store.insertInto('plan').values({ digest: 'd', document: '{}', created_at_ms: 1, signature: null }).execute()
  const run = { id: 'r', name: 'r', plan_digest: 'd', state: 'running', reason: '', submitted_by: 'x' }
  await store
    .insertInto('run')
    .values({ ...run, created_at_ms: 1, final_evaluated: 0 })
    .execute()
  const attempts = openSessionAttempts(
    store,
    () => 1,
    openEventLog(store, () => 1),
  )
  const live = { sessionId: 's', runId: 'r', round: 1, attempt: 1, tried: 1, cohort: [] }
  const event = { kind: 'round_started', body: { round: 1, attempt: 1, cohort: [], evaluateOnly: false } } as const
  await attempts.begin({ ...live, roundStartedAtMs: 1, trainDeadlineAtMs: 1 }, event)
  await store.insertInto('session_fact').values({ session_id: 's', sequence: 1, body: SECRET }).execute()
  expect(isOnDisk()).toBe(true)
  return { file, attempts }
}

const closing = { sessionId: 's', end: { outcome: 'aborted', reason: 'called_off', named: [] } } as const

test('closing an attempt forgets what it revealed', async () => {
  const { attempts } = await revealed()
  await attempts.close(closing)
  expect(isOnDisk()).toBe(false)
})

test('a start forgets what a coordinator that was killed had only deleted', async () => {
  const { attempts } = await revealed()
  await store.deleteFrom('live_session').execute()
  expect(isOnDisk()).toBe(true)
  // Safety: with no attempt to go on with, recovery asks for nothing else.
  const tools = { attempts, events: openEventLog(store, () => 1), runs: NO_RUNS } as unknown as RoundTools
  await store.updateTable('session_attempt').set({ outcome: 'aborted' }).execute()
  expect(await findAttempts(tools)).toEqual([])
  expect(isOnDisk()).toBe(false)
})
const NO_RUNS = {}

test('nobody but its owner reads what is in it', async () => {
  const { file } = await revealed()
  const modes = () => readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777)
  expect(modes()).toEqual([0o600, 0o600, 0o600])
  await store.destroy()
  chmodSync(file, 0o644)
  store = await openStore(file)
  expect(modes()).toEqual([0o600, 0o600, 0o600])
})

test('somebody who reads is not waited for, and forgetting is made up for when they have gone', async () => {
  const { file } = await revealed()
  const reader = new DatabaseSync(file, { readOnly: true })
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM session_fact').all()
  await store.deleteFrom('live_session').execute()
  const begun = performance.now()
  expect(await emptyWriteAheadLog(store)).toBe(false)
  await openForgetting(store, 10)()
  expect(performance.now() - begun).toBeLessThan(2500)
  expect(isOnDisk()).toBe(true)
  reader.exec('COMMIT')
  reader.close()
  await expect.poll(isOnDisk, { timeout: 10_000 }).toBe(false)
})

test('afterwards a statement waits for another process as before', async () => {
  await revealed()
  expect(await emptyWriteAheadLog(store)).toBe(true)
  const { sql } = await import('kysely')
  expect((await sql<{ timeout: number }>`PRAGMA busy_timeout`.execute(store)).rows).toEqual([{ timeout: 5000 }])
})
