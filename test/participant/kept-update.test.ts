/** The file of the update that no session has masked: what goes in comes out for the same purpose only, whole or not at all. */
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { KEPT_MS, keptUpdates, type UpdatePurpose } from '../../participant/kept-update.ts'
import { updateDigest } from '../../participant/protocol/update-digest.ts'
import { writeRecord } from '../../participant/record-file.ts'
import { logLines } from './log-lines.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kept-'))
  path = join(folder, 'update.kept')
})
afterEach(() => rmSync(folder, { recursive: true }))

const fill = (value: number) => new Uint8Array(32).fill(value)
const purpose: UpdatePurpose = { runId: 'run', round: 3, version: 2, planDigest: fill(1), modelDigest: fill(2) }
const scalars = { trainLossSum: 0.1, evalExamples: 3, evalLossSum: 1 / 3, evalCorrect: 2 }

function kept() {
  const trained = { update: Float32Array.of(0.1, -2, 3e-20), examples: 7, scalars }
  return { trained, updateDigest: updateDigest(trained.update, { examples: 7, ...scalars }), basis: 'these files' }
}

const mark = { id: 'the journal', sessions: 3 }
const open = (now = mark, { log } = logLines()) => keptUpdates({ folder, journal: { mark: () => now }, log })

test('an update comes back the same after a restart, for its owner only to read', async () => {
  await open().keep(purpose, kept())
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(await open().find(purpose)).toEqual(kept())
  expect(readdirSync(folder)).toEqual(['update.kept'])
})

test('a later one takes the place of an earlier one', async () => {
  const updates = open()
  await updates.keep({ ...purpose, round: 2 }, kept())
  await updates.keep(purpose, kept())
  expect(await updates.find(purpose)).toEqual(kept())
})

describe('is not given back', () => {
  test.each([
    ['run', { runId: 'other' }],
    ['round', { round: 4 }],
    ['version', { version: 3 }],
    ['plan', { planDigest: fill(9) }],
    ['model', { modelDigest: fill(9) }],
  ])('for another %s, but stays: who asks has not been approved', async (_what, change) => {
    await open().keep(purpose, kept())
    expect(await open().find({ ...purpose, ...change })).toBe(null)
    expect(await open().find(purpose)).toEqual(kept())
  })
})

describe('is not given back, and erased,', () => {
  test('with any byte altered, any byte missing, or one more', async () => {
    await open().keep(purpose, kept())
    const whole = readFileSync(path)
    const spoilt = [...whole.keys()].map((at) => {
      const bytes = Buffer.from(whole)
      bytes[at] = (bytes[at] ?? 0) ^ 1
      return bytes
    })
    const { log, lines } = logLines()
    for (const bytes of [
      ...spoilt,
      whole.subarray(1),
      whole.subarray(0, -1),
      Buffer.alloc(0),
      Buffer.concat([whole, whole]),
    ]) {
      writeFileSync(path, bytes)
      expect(await open(mark, { ...logLines(), log }).find(purpose)).toBe(null)
      expect(existsSync(path)).toBe(false)
    }
    expect(lines()).toHaveLength(spoilt.length + 4)
  })

  test('when its own digest is another: a whole record with other numbers', async () => {
    await open().keep(purpose, kept())
    const bytes = readFileSync(path)
    const header = JSON.parse(bytes.toString('utf8', 12, 12 + bytes.readUInt32BE(8)))
    await writeRecord(path, header, [Float32Array.of(0.1, -2, 3e-19)])
    expect(await open().find(purpose)).toBe(null)
    await writeRecord(path, { ...header, examples: 8 }, [kept().trained.update])
    expect(await open().find(purpose)).toBe(null)
    await writeRecord(path, header, [kept().trained.update])
    expect(await open().find(purpose)).toEqual(kept())
  })

  test.each([
    ['is another one', { ...mark, id: 'another' }],
    ['was set back to an older copy of it', { ...mark, sessions: 2 }],
  ])('when the journal beside it %s: it cannot say what is spent', async (_how, now) => {
    await open().keep(purpose, kept())
    expect(await open({ ...mark, sessions: 4 }).find(purpose)).toEqual(kept())
    expect(await open(now).find(purpose)).toBe(null)
    expect(existsSync(path)).toBe(false)
  })

  test('when nobody has asked for it for a week', async () => {
    const updates = open()
    await updates.keep(purpose, kept())
    const keptAtMs = Date.now() - KEPT_MS
    utimesSync(path, keptAtMs / 1000, keptAtMs / 1000)
    await updates.expire(keptAtMs + KEPT_MS - 1000)
    expect(existsSync(path)).toBe(true)
    await updates.expire(keptAtMs + KEPT_MS + 1000)
    expect(existsSync(path)).toBe(false)
  })
})

test('what a killed process left half written is gone after the next start', async () => {
  writeFileSync(`${path}.part-1`, 'half')
  await open().find(purpose)
  expect(readdirSync(folder)).toEqual([])
})

test('erased is overwritten first', async () => {
  await open().keep(purpose, kept())
  // Another name of the same bytes shows what became of them.
  linkSync(path, join(folder, 'other'))
  await open().forget()
  expect(existsSync(path)).toBe(false)
  expect(readFileSync(join(folder, 'other')).every((byte) => byte === 0)).toBe(true)
})

test('a folder that is not there is a failure of the disk, with a code', async () => {
  const updates = keptUpdates({
    folder: join(folder, 'none', 'deeper'),
    journal: { mark: () => mark },
    log: logLines().log,
  })
  await expect(updates.keep(purpose, kept())).rejects.toMatchObject({ name: 'StorageFailure', code: 'storage_failed' })
  await updates.forget()
})

test('links and files that somebody has planted are neither followed nor written to', async () => {
  const precious = join(folder, 'precious')
  writeFileSync(precious, 'precious')
  symlinkSync(precious, path)
  await open().forget()
  expect(existsSync(path)).toBe(false)
  const planted = `${path}.part-${process.pid}`
  const updates = open()
  await updates.proveRoom()
  for (const name of [planted, `${path}.part-room`]) symlinkSync(precious, name)
  await updates.proveRoom()
  await updates.keep(purpose, kept())
  expect(lstatSync(path).isFile()).toBe(true)
  renameSync(path, join(folder, 'elsewhere'))
  symlinkSync(join(folder, 'elsewhere'), path)
  expect(await updates.find(purpose)).toBe(null)
  expect(readFileSync(precious, 'utf8')).toBe('precious')
})
