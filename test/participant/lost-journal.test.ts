/** What lies beside a journal that is lost, or set back: nothing of it is ever masked. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openJournal } from '../../participant/journal.ts'
import { keptUpdates } from '../../participant/kept-update.ts'
import { eraseWithoutJournal } from '../../participant/lost-journal.ts'
import { updateDigest } from '../../participant/protocol/update-digest.ts'
import { systemRng } from '../../shared/random.ts'
import { freshUpdate } from './agent-lab.ts'
import { logLines } from './log-lines.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lost-'))
  path = join(folder, 'journal.sqlite')
})
afterEach(() => rmSync(folder, { recursive: true }))

const target = { modelDigest: systemRng(32), planDigest: systemRng(32), round: 1 }
const purpose = { runId: 'run', version: 0, ...target }
const trained = freshUpdate(10, 0)
const digest = updateDigest(trained.update, { examples: trained.examples, ...trained.scalars })

async function within<T>(
  work: (open: { journal: ReturnType<typeof openJournal>; updates: ReturnType<typeof keptUpdates> }) => Promise<T>,
): Promise<T> {
  const journal = openJournal(path)
  try {
    return await work({ journal, updates: keptUpdates({ folder, journal, log: logLines().log }) })
  } finally {
    journal.close()
  }
}

/** Kept, then masked; killed before the file was erased. */
async function spendAndDie(meanwhile: () => void = () => {}): Promise<void> {
  await within(async ({ updates }) => {
    await updates.keep(purpose, { trained, basis: '', updateDigest: digest })
    expect(await updates.find(purpose)).not.toBe(null)
  })
  meanwhile()
  await within(async ({ journal, updates }) => {
    const sessionId = systemRng(16)
    journal.record({ kind: 'session-opened', sessionId, ...target, atMs: 1 })
    await updates.keep(purpose, { trained, basis: '', updateDigest: digest })
    journal.record({ kind: 'update-spent', sessionId, updateDigest: digest })
  })
}

function lose(): void {
  for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true })
}

test('a spent update is not offered beside a new journal, however many starts were killed since', async () => {
  await spendAndDie()
  lose()
  await within(async () => {})
  expect(await within(({ updates }) => updates.find(purpose))).toBe(null)
})

test('nor beside an older copy of its journal', async () => {
  const copy = join(folder, 'copy.sqlite')
  await spendAndDie(() => copyFileSync(path, copy))
  lose()
  copyFileSync(copy, path)
  expect(await within(({ updates }) => updates.find(purpose))).toBe(null)
})

test('a journal keeps its name, two never have one, and it counts its sessions', async () => {
  const first = await within(async ({ journal }) => journal.mark())
  expect(first).toEqual({ id: expect.stringMatching(/^[0-9a-f]{32}$/), sessions: 0 })
  await spendAndDie()
  expect(await within(async ({ journal }) => journal.mark())).toEqual({ id: first.id, sessions: 1 })
  lose()
  expect((await within(async ({ journal }) => journal.mark())).id).not.toBe(first.id)
})

test('before a journal begins, update and checkpoint are gone, with what was half written of them', async () => {
  const names = ['update.kept', 'update.kept.part-1', 'training.checkpoint', 'training.checkpoint.part-1']
  for (const name of names) writeFileSync(join(folder, name), 'x')
  await eraseWithoutJournal(folder, path)
  expect(readdirSync(folder)).toEqual([])
})

test('beside a journal they stay', async () => {
  await within(async () => {})
  writeFileSync(join(folder, 'training.checkpoint'), 'x')
  await eraseWithoutJournal(folder, path)
  expect(existsSync(join(folder, 'training.checkpoint'))).toBe(true)
})

test.each(['update.kept', 'training.checkpoint'])('no start beside a %s that cannot be erased', async (name) => {
  mkdirSync(join(folder, name))
  await expect(eraseWithoutJournal(folder, path)).rejects.toMatchObject({
    name: 'ConfigError',
    code: 'kept_not_erased',
  })
})
