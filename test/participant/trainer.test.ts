/** The trainer of a real site: what it calls its data, and what becomes of a checkpoint when a training fails. */
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { participantConfigFile } from '../../participant/config.ts'
import { writeNpy } from '../../participant/data/npy.ts'
import { localTrainer } from '../../participant/trainer.ts'
import { systemRng } from '../../shared/random.ts'
import { SERVER_ID } from '../shared/transport/hello.ts'
import { logLines } from './log-lines.ts'
import { makePlan, modelBytes } from './plans.ts'

let folder: string
let checkpoint: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trainer-'))
  checkpoint = join(folder, 'training.checkpoint')
  writeData(40)
})
afterEach(() => rmSync(folder, { recursive: true }))

function writeData(count: number, classes = 2): void {
  const data = Float32Array.from({ length: count * 4 }, (_, place) => Math.sin(place))
  const labels = BigInt64Array.from({ length: count }, (_, place) => BigInt(place % classes))
  writeFileSync(join(folder, 'x.npy'), writeNpy({ shape: [count, 4], data }))
  writeFileSync(join(folder, 'y.npy'), writeNpy({ shape: [count], data: labels }))
}

function open(holdOut = 0.2) {
  const config = participantConfigFile.parse({
    dataFolder: folder,
    identity: { certificate: 'c', privateKey: 'k', trustBundle: 'b' },
    coordinator: { address: '127.0.0.1:1', spiffeId: SERVER_ID },
    data: { default: { format: 'npy', features: join(folder, 'x.npy'), labels: join(folder, 'y.npy'), holdOut } },
    policy: 'p',
  })
  return localTrainer({
    config,
    journal: { mark: () => ({ id: 'j', sessions: 0 }) },
    rng: systemRng,
    log: logLines().log,
  })
}

const job = (signal = new AbortController().signal, data?: object) => {
  return {
    plan: makePlan(data === undefined ? {} : { data }),
    model: modelBytes,
    round: 1,
    evaluateOnly: false,
    purpose: 'p',
    signal,
  }
}

test('the same files, read and split alike, have one name; others another', () => {
  const plan = makePlan()
  const name = open().basis?.(plan)
  expect(open().basis?.(plan)).toBe(name)
  expect(open(0.3).basis?.(plan)).not.toBe(name)
  expect(open().basis?.(makePlan({ data: { kind: 'arrays', shape: [4], classes: 3 } }))).not.toBe(name)
  writeData(41)
  expect(open().basis?.(plan)).not.toBe(name)
})

describe('a checkpoint', () => {
  test('of a training that failed is erased: it would fail again', async () => {
    writeFileSync(checkpoint, 'of an earlier life')
    // The model knows two classes.
    writeData(40, 3)
    const spec = { kind: 'arrays', shape: [4], classes: 3 }
    expect(await open().train(job(undefined, spec))).toMatchObject({ ok: false, code: 'data_mismatch' })
    expect(existsSync(checkpoint)).toBe(false)
  })

  test('of a training that was only stopped stays', async () => {
    writeFileSync(checkpoint, 'of an earlier life')
    expect(await open().train(job(AbortSignal.abort()))).toMatchObject({ ok: false, code: 'aborted' })
    expect(existsSync(checkpoint)).toBe(true)
  })

  test('is erased on request, with what was half written, or when it is old', async () => {
    const trainer = open()
    writeFileSync(checkpoint, 'x')
    writeFileSync(`${checkpoint}.part-1`, 'x')
    utimesSync(checkpoint, 1000, 1000)
    await trainer.forget?.(999_000)
    expect(existsSync(checkpoint)).toBe(true)
    await trainer.forget?.(1_001_000)
    expect(existsSync(checkpoint)).toBe(false)
    expect(existsSync(`${checkpoint}.part-1`)).toBe(true)
    utimesSync(`${checkpoint}.part-1`, 1000, 1000)
    await trainer.forget?.(1_001_000)
    expect(existsSync(`${checkpoint}.part-1`)).toBe(false)
    for (const path of [checkpoint, `${checkpoint}.part-1`]) writeFileSync(path, 'x')
    await trainer.forget?.()
    for (const path of [checkpoint, `${checkpoint}.part-1`]) expect(existsSync(path)).toBe(false)
  })

  test('half written by a process that was killed does not outlive the next training', async () => {
    writeFileSync(`${checkpoint}.part-1`, 'x')
    expect(await open().train(job(AbortSignal.abort()))).toMatchObject({ ok: false, code: 'aborted' })
    expect(existsSync(`${checkpoint}.part-1`)).toBe(false)
  })
})
