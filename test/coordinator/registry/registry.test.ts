import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { type EventLog, openEventLog } from '../../../coordinator/registry/event-log.ts'
import { openRuns, type Runs } from '../../../coordinator/registry/runs.ts'
import { openSessionAttempts } from '../../../coordinator/registry/session-attempts.ts'
import { openVersions, type Versions } from '../../../coordinator/registry/versions.ts'
import { watchRun } from '../../../coordinator/rpc/watch.ts'
import { openBlobs } from '../../../coordinator/store/blobs.ts'
import { openStore, type Store } from '../../../coordinator/store/database.ts'
import { planDigest } from '../../../shared/plan/plan-document.ts'
import { makePlan, planDocumentOf } from '../integration/plans.ts'
import { versionForTest } from '../store/version-for-test.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-registry-'))
afterAll(() => rmSync(folder, { recursive: true }))

let store: Store
let events: EventLog
let runs: Runs
let versions: Versions
let now = 0
const nowMs = () => ++now

beforeEach(async () => {
  store = await openStore(':memory:')
  events = openEventLog(store, nowMs)
  runs = openRuns(store, events)
  versions = openVersions({ store, events, nowMs, blobs: await openBlobs(join(folder, 'blobs')) })
  await submit('first', 'one')
})

/** The registry keeps it; whether it is any good was asked before. */
const SIGNATURE = {
  authorId: 'spiffe://lab.example/operator/ada',
  signedAtMs: 1,
  certificateChain: [Uint8Array.of(1)],
  signature: new Uint8Array(64),
}

async function submit(id: string, name: string) {
  const planDocument = planDocumentOf(makePlan({ name }))
  await versions.publishInitial({
    run: { id, name, submittedBy: 'ada', rounds: 2 },
    planDocument,
    planDigest: planDigest(planDocument),
    planSignature: SIGNATURE,
    enrolled: 5,
    modelDigest: '00'.repeat(32),
    provenance: Uint8Array.of(1),
  })
}

const pause = { reason: 'why', event: { kind: 'run_paused', body: { reason: 'why', by: 'ada' } } } as const

describe('runs', () => {
  test('are found by id and by name, with their plan as it was submitted', async () => {
    const run = await runs.find('one')
    expect(await runs.find('first')).toEqual(run)
    expect(run).toMatchObject({ id: 'first', name: 'one', state: 'running', latestVersion: 0, isFinalEvaluated: false })
    expect(run.plan).toEqual(makePlan({ name: 'one' }))
    expect(run.planSignature).toEqual(SIGNATURE)
    await expect(runs.find('two')).rejects.toMatchObject({ code: 'run_unknown' })
  })

  test('have names that are taken once', async () => {
    await expect(submit('second', 'one')).rejects.toMatchObject({ code: 'run_name_taken' })
    await submit('second', 'two')
    expect((await runs.list()).map(({ name }) => name)).toEqual(['one', 'two'])
  })

  test('move with their event, or not at all', async () => {
    expect(await runs.move('first', 'pause', pause)).toMatchObject({ state: 'paused', reason: 'why' })
    await expect(runs.move('first', 'pause', pause)).rejects.toMatchObject({ code: 'run_paused' })
    expect((await events.since('first', 0)).map(({ kind }) => kind)).toEqual(['run_submitted', 'run_paused'])
  })
})

describe('versions', () => {
  test('carry the judgement that a later round gives', async () => {
    await versions.publish(versionForTest('first', 1))
    await versions.publish(versionForTest('first', 2))
    await versions.recordFinalEvaluation('first', { version: 2, metrics: { evalLoss: 0.5 }, reason: '' })
    expect((await versions.list('first')).map(({ evaluation }) => evaluation?.evalLoss)).toEqual([1, 2, 0.5])
    expect(await runs.find('first')).toMatchObject({ latestVersion: 2, isFinalEvaluated: true })
  })

  test('are published once', async () => {
    await versions.publish(versionForTest('first', 1))
    await expect(versions.publish(versionForTest('first', 1))).rejects.toThrow('UNIQUE')
    expect((await events.since('first', 0)).filter(({ kind }) => kind === 'version_published')).toHaveLength(1)
  })

  test('of a run that was cancelled meanwhile are dropped', async () => {
    await runs.move('first', 'cancel', { reason: '', event: { kind: 'run_cancelled', body: { by: 'ada' } } })
    await versions.publish(versionForTest('first', 1))
    expect(await versions.list('first')).toHaveLength(1)
    expect((await events.since('first', 0)).at(-1)).toMatchObject({ kind: 'run_cancelled' })
  })

  test('are found by number, as the latest and as the best', async () => {
    await versions.publish(versionForTest('first', 1))
    const run = await runs.find('first')
    expect(await versions.find(run, '0')).toMatchObject({ version: 0 })
    expect(await versions.find(run, 'latest')).toMatchObject({ version: 1 })
    expect(await versions.find(run, 'best')).toMatchObject({ version: 0 })
    for (const which of ['7', '', 'newest', '-1', '1.5']) {
      await expect(versions.find(run, which)).rejects.toMatchObject({ code: 'version_unknown' })
    }
  })
})

describe('events', () => {
  test('are numbered within their run', async () => {
    await submit('second', 'two')
    await Promise.all([1, 2, 3].map((round) => events.record('first', stage(round))))
    expect((await events.since('first', 1)).map(({ sequence }) => sequence)).toEqual([2, 3, 4])
    expect((await events.since('second', 0)).map(({ sequence }) => sequence)).toEqual([1])
  })

  test('are told from any point on, then live, until the run has ended', async () => {
    await events.record('first', stage(1))
    const seen: string[] = []
    const watching = (async () => {
      const watch = watchRun({ run: 'one', afterEvent: 1 }, { runs, events }, new AbortController().signal)
      for await (const event of watch) seen.push(`${event.sequence} ${event.kind}`)
    })()
    await events.record('first', stage(2))
    const cancelled = { reason: '', event: { kind: 'run_cancelled', body: { by: 'ada' } } } as const
    await runs.move('first', 'cancel', cancelled)
    await watching
    expect(seen).toEqual(['2 stage', '3 stage', '4 run_cancelled'])
  })

  test('of a watcher that hangs up are no longer told', async () => {
    const ended = new AbortController()
    const watching = (async () => {
      for await (const _event of watchRun({ run: 'one', afterEvent: 1 }, { runs, events }, ended.signal)) return 'told'
      return 'ended'
    })()
    ended.abort()
    expect(await watching).toBe('ended')
  })
})

describe('attempts', () => {
  const live = { runId: 'first', round: 1, attempt: 1, tried: 1, cohort: ['east'], roundStartedAtMs: 5 }
  const attemptOf = (sessionId: string, changes: Partial<typeof live> = {}) => ({
    ...live,
    sessionId,
    trainDeadlineAtMs: 9,
    ...changes,
  })
  const begun = {
    kind: 'round_started',
    body: { round: 1, attempt: 1, cohort: ['east'], evaluateOnly: false },
  } as const
  const aborted = { outcome: 'aborted', reason: 'too_few_survivors', named: ['mallory'] } as const

  test('are counted per round; live ones are found again', async () => {
    const attempts = openSessionAttempts(store, nowMs, events)
    expect(await attempts.nextAttempt('first', 1)).toBe(1)
    await attempts.begin(attemptOf('a'), begun)
    expect(await attempts.live()).toEqual([attemptOf('a')])
    await attempts.close({ sessionId: 'a', end: aborted }, stage(1))
    expect(await attempts.live()).toEqual([])
    expect(await attempts.namedInLast('first')).toEqual(['mallory'])
    await attempts.begin(attemptOf('b', { attempt: 2 }), begun)
    expect(await attempts.nextAttempt('first', 1)).toBe(3)
    expect(await attempts.recorded('b')).toBeNull()
    expect(await attempts.namedInLast('first')).toEqual([])
  })

  test('end once, together with the events that say so', async () => {
    const attempts = openSessionAttempts(store, nowMs, events)
    await attempts.begin(attemptOf('a'), begun)
    await attempts.close({ sessionId: 'a', end: aborted }, stage(1))
    await attempts.close({ sessionId: 'a', end: { ...aborted, reason: 'cancelled' } }, stage(2))
    const kinds = (await events.since('first', 1)).map(({ kind }) => kind)
    expect(kinds).toEqual(['round_started', 'stage'])
  })

  test('of a store from before sessions outlived the coordinator are aborted', async () => {
    const attempts = openSessionAttempts(store, nowMs, events)
    await attempts.begin(attemptOf('a'), begun)
    await store.deleteFrom('live_session').execute()
    expect(await attempts.abortForgotten()).toEqual([{ runId: 'first', round: 1, attempt: 1 }])
    expect(await attempts.abortForgotten()).toEqual([])
  })

  test('end with the version that their session made, or with what cancelled it', async () => {
    const attempts = openSessionAttempts(store, nowMs, events)
    const completed = { outcome: 'completed', reason: '', named: [] } as const
    await attempts.begin(attemptOf('a'), begun)
    await versions.publish(versionForTest('first', 1), { sessionId: 'a', end: completed })
    expect(await attempts.live()).toEqual([])
    await attempts.begin(attemptOf('b', { round: 2 }), begun)
    const twice = versions.publish(versionForTest('first', 1), { sessionId: 'b', end: completed })
    await expect(twice).rejects.toThrow('UNIQUE')
    expect((await attempts.live()).map(({ sessionId }) => sessionId)).toEqual(['b'])
    await runs.move('first', 'cancel', { reason: '', event: { kind: 'run_cancelled', body: { by: 'ada' } } })
    await versions.publish(versionForTest('first', 2), { sessionId: 'b', end: completed })
    expect(await attempts.live()).toEqual([])
    expect(await versions.list('first')).toHaveLength(2)
  })
})

function stage(round: number) {
  return { kind: 'stage', body: { round, attempt: 1, stage: 'prepare', answered: 0, of: 5 } } as const
}
