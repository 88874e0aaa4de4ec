/** A training process that was killed is started again, as long as it gets anywhere and its time is not up. */
import { expect, test } from 'vitest'
import type { CheckpointNote, TrainingFailure } from '../../../participant/training/task.ts'
import { MOST_CRASHES, throughCrashes } from '../../../participant/training/through-crashes.ts'

const crash: TrainingFailure = { ok: false, code: 'child_crashed', message: 'SIGKILL' }
const done = { ok: true } as const
const limits = { maxMemoryBytes: 1, maxMs: 60_000, threads: 1 }

interface Tried {
  readonly outcome: typeof done | TrainingFailure
  readonly written?: boolean
}

async function runs(tries: readonly Tried[], stop = new AbortController(), onCrash = () => {}) {
  const maxMs: number[] = []
  const notes: CheckpointNote[] = []
  const request = { limits, signal: stop.signal, onCheckpoint: (note: CheckpointNote) => notes.push(note), onCrash }
  const outcome = await throughCrashes<typeof done>(request, async ({ limits: once, onCheckpoint }) => {
    const tried = tries[maxMs.length]
    if (tried === undefined) throw new Error('started more often than the test foresaw')
    maxMs.push(once.maxMs)
    if (tried.written === true) onCheckpoint({ kind: 'written', stepsDone: 1 })
    return tried.outcome
  })
  return { outcome, maxMs, notes }
}

test('a crash is followed by another run, within the time of all', async () => {
  const { outcome, maxMs } = await runs([{ outcome: crash }, { outcome: done }])
  expect(outcome).toEqual(done)
  expect(maxMs).toHaveLength(2)
  expect(maxMs[1]).toBeLessThan(maxMs[0] ?? 0)
})

test('another failure is final', async () => {
  const failure: TrainingFailure = { ok: false, code: 'memory_limit_exceeded', message: '' }
  expect(await runs([{ outcome: failure }])).toMatchObject({ outcome: failure })
})

test('crashes that get nowhere end it; a checkpoint between them counts as getting somewhere', async () => {
  const nowhere = Array.from({ length: MOST_CRASHES }, () => ({ outcome: crash }))
  expect((await runs(nowhere)).outcome).toEqual(crash)
  const somewhere = [{ outcome: crash }, { outcome: crash }, { outcome: crash, written: true }, { outcome: done }]
  const { outcome, notes } = await runs(somewhere)
  expect(outcome).toEqual(done)
  expect(notes).toEqual([{ kind: 'written', stepsDone: 1 }])
})

test('whoever no longer wants it does not wait for the next run', async () => {
  const stop = new AbortController()
  expect((await runs([{ outcome: crash }], stop, () => stop.abort())).outcome).toEqual(crash)
})
