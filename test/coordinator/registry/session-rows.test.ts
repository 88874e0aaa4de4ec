/**
 * Sessions in the store: what a journal wrote comes back as the same state; a full disk refuses without a trace; an ended
 * session leaves no byte of what was revealed in it.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSession } from '../../../coordinator/protocol/session.ts'
import type { SessionFact } from '../../../coordinator/protocol/session-facts.ts'
import type { CoordinatorSession } from '../../../coordinator/protocol/session-state.ts'
import { openEventLog } from '../../../coordinator/registry/event-log.ts'
import { openSessionAttempts } from '../../../coordinator/registry/session-attempts.ts'
import { openVersions } from '../../../coordinator/registry/versions.ts'
import { openBlobs } from '../../../coordinator/store/blobs.ts'
import { openStore, type Store } from '../../../coordinator/store/database.ts'
import { planDigest } from '../../../shared/plan/plan-document.ts'
import { encodeStored } from '../../../shared/protocol/stored-form.ts'
import { openFederation, runSession } from '../../protocol/federation.ts'
import { makePlan, planDocumentOf } from '../integration/plans.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-rows-'))
afterAll(() => rmSync(folder, { recursive: true }))

let stores = 0
const nowMs = () => 1000

/** A store with one run. */
async function lab() {
  stores += 1
  const file = join(folder, `${stores}.sqlite`)
  const store = await openStore(file)
  const events = openEventLog(store, nowMs)
  const blobs = await openBlobs(join(folder, 'blobs'))
  const planDocument = planDocumentOf(makePlan())
  await openVersions({ store, events, nowMs, blobs }).publishInitial({
    run: { id: 'run', name: 'run', submittedBy: 'ada', rounds: 2 },
    planDocument,
    planDigest: planDigest(planDocument),
    planSignature: {
      authorId: 'ada',
      signedAtMs: 1,
      certificateChain: [Uint8Array.of(1)],
      signature: new Uint8Array(64),
    },
    enrolled: 5,
    modelDigest: '00'.repeat(32),
    provenance: Uint8Array.of(1),
  })
  return { file, store, attempts: openSessionAttempts(store, nowMs, events) }
}

const LIVE = {
  sessionId: 'aa',
  runId: 'run',
  round: 1,
  attempt: 1,
  tried: 1,
  cohort: ['east'],
  roundStartedAtMs: 1,
  trainDeadlineAtMs: 2,
}
const BEGUN = { kind: 'round_started', body: { round: 1, attempt: 1, cohort: ['east'], evaluateOnly: false } } as const
const ENDED = { outcome: 'completed', reason: '', named: [] } as const
const STAGE = { openedAtMs: 3, deadlineAtMs: 4 }

/** Every fact of a session that goes all the way, and the states between them. */
let setup: CoordinatorSession['setup']
const facts: SessionFact[] = []
const states: CoordinatorSession[] = []
beforeAll(async () => {
  const federation = await openFederation({ size: 5 })
  setup = federation.coordinator.setup
  await runSession(federation, {
    onFact: (fact, after) => {
      facts.push(fact)
      states.push(after)
    },
  })
})

test('a session read back after any commit is the session that was committed', async () => {
  const { store, attempts } = await lab()
  await attempts.begin(LIVE, BEGUN)
  const journal = await attempts.open('aa', setup, STAGE)
  expect(encodeStored((await attempts.recorded('aa'))?.session)).toBe(encodeStored(openSession(setup)))
  for (const [place, fact] of facts.entries()) {
    await journal.append([fact], { openedAtMs: place, deadlineAtMs: place + 1 })
    const recorded = await attempts.recorded('aa')
    expect(encodeStored(recorded?.session)).toBe(encodeStored(states[place]))
    expect(recorded?.stage).toEqual({ openedAtMs: place, deadlineAtMs: place + 1 })
  }
  expect(states.at(-1)?.stage).toBe('completed')
  await store.destroy()
})

test('the journal that is read back goes on behind the last fact', async () => {
  const { store, attempts } = await lab()
  await attempts.begin(LIVE, BEGUN)
  const journal = await attempts.open('aa', setup, STAGE)
  await journal.append(facts.slice(0, 3), null)
  const again = await attempts.recorded('aa')
  await again?.journal.append(facts.slice(3), STAGE)
  expect(encodeStored((await attempts.recorded('aa'))?.session)).toBe(encodeStored(states.at(-1)))
  await store.destroy()
})

test('blocks of uploads and the sum come back as they were written', async () => {
  const { store, attempts } = await lab()
  await attempts.begin(LIVE, BEGUN)
  const journal = await attempts.open('aa', setup, STAGE)
  const digests = [1, 2, 3].map((fill) => new Uint8Array(32).fill(fill))
  await journal.recordBlocks(7, 0, digests.slice(0, 2))
  await journal.recordBlocks(7, 2, digests.slice(2))
  await journal.recordBlocks(8, 0, digests.slice(0, 1))
  await journal.forgetBlocks(8)
  const sum = { file: 'aa-sum-1', digest: '00', contributors: [1, 4] }
  await journal.recordSum(sum)
  const recorded = await attempts.recorded('aa')
  expect([...(recorded?.blocks ?? [])]).toEqual([[7, digests]])
  expect(recorded?.sum).toEqual(sum)
  await store.destroy()
})

test('facts with a gap are not a session', async () => {
  const { store, attempts } = await lab()
  await attempts.begin(LIVE, BEGUN)
  const journal = await attempts.open('aa', setup, STAGE)
  await journal.append(facts.slice(0, 3), null)
  await store.deleteFrom('session_fact').where('sequence', '=', 2).execute()
  await expect(attempts.recorded('aa')).rejects.toThrow('without a gap')
  await store.destroy()
})

/** No page more than the store has now, or as many as it likes again. */
async function limitPages(store: Store, isFull: boolean): Promise<void> {
  const { rows } = await sql<{ page_count: number }>`PRAGMA page_count`.execute(store)
  await sql`PRAGMA max_page_count = ${sql.lit(isFull ? (rows[0]?.page_count ?? 1) : 1_000_000)}`.execute(store)
}

test('a full disk refuses what it cannot keep, keeps what it has, and takes it once there is room', async () => {
  const { store, attempts } = await lab()
  await attempts.begin(LIVE, BEGUN)
  const journal = await attempts.open('aa', setup, STAGE)
  await journal.append(facts.slice(0, 2), null)
  await limitPages(store, true)
  await expect(journal.append(facts.slice(2), STAGE)).rejects.toMatchObject({ code: 'disk_full' })
  expect(encodeStored((await attempts.recorded('aa'))?.session)).toBe(encodeStored(states[1]))
  await limitPages(store, false)
  await journal.append(facts.slice(2), STAGE)
  expect(encodeStored((await attempts.recorded('aa'))?.session)).toBe(encodeStored(states.at(-1)))
  await store.destroy()
})

test('once a session has ended, nothing that was revealed in it is in the store’s files', async () => {
  const { file, store, attempts } = await lab()
  await attempts.begin(LIVE, BEGUN)
  const journal = await attempts.open('aa', setup, STAGE)
  await journal.append(facts, STAGE)
  const bytes = () =>
    Buffer.concat(
      readdirSync(folder).flatMap((name) => (name.startsWith(`${stores}.`) ? [readFileSync(join(folder, name))] : [])),
    )
  expect(existsSync(file) && bytes().includes('self-mask-seed')).toBe(true)
  await attempts.close({ sessionId: 'aa', end: ENDED })
  await attempts.forgetDeleted()
  expect(bytes().includes('self-mask-seed')).toBe(false)
  expect(await attempts.live()).toEqual([])
  await store.destroy()
})
