/** A training that was stopped goes on where its last checkpoint stands, and ends as if it had never been stopped. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { shuffledBatches } from '../../../participant/training/batches.ts'
import type { CheckpointNote } from '../../../participant/training/task.ts'
import { type TrainOnRequest, trainLocally } from '../../../participant/training/train-locally.ts'
import { denseClassifier } from '../../../shared/onnx/model-writer.ts'
import { blobs, TASK } from './training-fixtures.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'checkpoint-'))
  path = join(folder, 'training.checkpoint')
})
afterEach(() => rmSync(folder, { recursive: true }))

const model = denseClassifier({ layers: [2, 8, 3], activation: 'relu', seed: 1 })
/** 170 examples to train on: the last batch of a pass is a partial one. */
const data = blobs({ count: 213 })
const task = { ...TASK, localEpochs: undefined, localSteps: 1500 }
const base = { model, task, data, seed: 5 }
const journal = { id: 'the journal', sessions: 3 }

async function train(changes: Partial<TrainOnRequest> = {}) {
  const notes: CheckpointNote[] = []
  const checkpoint = { path, purpose: 'this training', journal, everyMs: 0 }
  const onCheckpoint = (note: CheckpointNote) => notes.push(note)
  const result = await trainLocally({ ...base, checkpoint, onCheckpoint, ...changes })
  return { result, notes }
}

/** Stops a training once it has kept a position. */
async function interrupted(seed = base.seed): Promise<void> {
  const stop = new AbortController()
  const { result } = await train({
    seed,
    // Longer than anybody waits; what is kept is of the first steps.
    task: { ...task, localSteps: 10_000_000 },
    signal: stop.signal,
    onCheckpoint: ({ kind }) => kind === 'written' && stop.abort(),
  })
  expect(result).toMatchObject({ ok: false, code: 'aborted' })
}

test('batches are the same after any number of them', () => {
  const all = shuffledBatches(data, data.trainIndices, { size: 16, seed: 3 })
  const copies = Array.from({ length: 40 }, () => structuredClone(all.next().value))
  for (const skip of [1, 10, 11, 12, 22, 39]) {
    const later = shuffledBatches(data, data.trainIndices, { size: 16, seed: 3, skip })
    for (const copy of copies.slice(skip)) expect(later.next().value).toEqual(copy)
  }
})

test('resumed, with its own seed, it gives exactly the parameters and sums of an uninterrupted one', async () => {
  const { result: whole } = await train()
  rmSync(path, { force: true })
  await interrupted()
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const { result, notes } = await train({ seed: 99 })
  const [first] = notes
  expect(first).toMatchObject({ kind: 'resumed', stepsTotal: 1500 })
  if (first?.kind === 'resumed') expect(first.stepsDone).toBeGreaterThan(0)
  expect(whole.ok).toBe(true)
  expect(result).toEqual(whole)
})

describe('begins anew', () => {
  test.each([
    ['training', { purpose: 'another training' }],
    ['journal', { journal: { ...journal, id: 'another journal' } }],
    ['journal, set back,', { journal: { ...journal, sessions: 2 } }],
  ])('beside a checkpoint of another %s, which is erased', async (_what, change) => {
    await interrupted(77)
    const checkpoint = { path, purpose: 'this training', journal, everyMs: 3_600_000, ...change }
    const { result, notes } = await train({ checkpoint })
    expect(notes).toEqual([])
    expect(readdirSync(folder)).toEqual([])
    expect(result).toEqual((await train()).result)
  })

  test('beside a damaged checkpoint, and says so', async () => {
    await interrupted(77)
    const bytes = readFileSync(path)
    bytes[bytes.length - 40] = (bytes[bytes.length - 40] ?? 0) ^ 1
    writeFileSync(path, bytes)
    const { result, notes } = await train()
    expect(notes[0]).toMatchObject({ kind: 'ignored' })
    rmSync(path)
    expect(result).toEqual((await train()).result)
  })

  test('when the model has other parameters than the checkpoint', async () => {
    await interrupted(77)
    const { result, notes } = await train({ task: { ...task, momentum: 0 } })
    expect(notes[0]).toMatchObject({ kind: 'ignored' })
    expect(result.ok).toBe(true)
  })
})

test('a disk that takes no checkpoint does not stop the training, and is said once', async () => {
  const checkpoint = { path: join(folder, 'none', 'x'), purpose: 'this training', journal, everyMs: 0 }
  const { result, notes } = await train({ checkpoint })
  expect(result.ok).toBe(true)
  expect(notes).toEqual([{ kind: 'failed', code: 'ENOENT' }])
})
