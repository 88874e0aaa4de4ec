/** A trained update outlives its agent: what a restart makes of it, and what a disk that takes nothing does. */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { KeptUpdates } from '../../participant/kept-update.ts'
import { updateDigest } from '../../participant/protocol/update-digest.ts'
import { StorageFailure } from '../../participant/storage-failure.ts'
import { systemRng } from '../../shared/random.ts'
import { closeLabs, freshUpdate, startLab } from './agent-lab.ts'
import { parameterCount } from './plans.ts'

afterEach(closeLabs)

type Lab = Awaited<ReturnType<typeof startLab>>
const file = (lab: Lab) => join(lab.folder, 'update.kept')

async function readyLab(options: Parameters<typeof startLab>[0] = {}) {
  const lab = await startLab(options)
  lab.prepare()
  await lab.heard('ready')
  expect(existsSync(file(lab))).toBe(true)
  return lab
}

describe('after a restart', () => {
  test('the site is ready at once, without training or fetching the model', async () => {
    const lab = await readyLab()
    const before = lab.downloads.length
    await lab.again()
    expect((await lab.heard('ready', 2)).report).toMatchObject({ ready: true, attempt: 1 })
    expect(lab.trainings()).toBe(1)
    expect(lab.downloads.slice(before)).toEqual(['plan'])
  })

  test('the same update serves another attempt at the same model', async () => {
    const lab = await readyLab()
    await lab.again()
    await lab.heard('ready', 2)
    lab.prepare({ attempt: 2 })
    expect((await lab.heard('ready', 3)).report).toMatchObject({ ready: true, attempt: 2 })
    expect(lab.trainings()).toBe(1)
  })

  test('a session that begins without asking again is entered', async () => {
    const lab = await readyLab()
    const sessionId = systemRng(16)
    await lab.again(() => lab.session(sessionId))
    const { request } = await lab.heard('advertised')
    expect(new Uint8Array(request.sessionId)).toEqual(sessionId)
    expect(lab.trainings()).toBe(1)
  })

  test('a session on another model is left, and the update stays', async () => {
    const lab = await readyLab()
    const other = { $case: 'advertiseKeys', value: { ...lab.digests, modelDigest: systemRng(32), version: 0 } } as const
    await lab.again(() => lab.session(systemRng(16), other))
    expect((await lab.heard('withdrew')).request).toMatchObject({ code: 'not_ready' })
    expect(existsSync(file(lab))).toBe(true)
  })

  test.each([false, true])(
    'an order that is not approved costs nothing that was trained, restarted: %s',
    async (isNew) => {
      const lab = await readyLab()
      if (isNew) await lab.again()
      if (isNew) await lab.heard('ready', 2)
      const heard = isNew ? 2 : 1
      lab.prepare({ planDigest: systemRng(32) }, 2)
      expect((await lab.heard('ready', heard + 1)).report).toMatchObject({ ready: false })
      lab.prepare()
      expect((await lab.heard('ready', heard + 2)).report).toMatchObject({ ready: true })
      expect(lab.trainings()).toBe(1)
    },
  )

  test('an update that the journal calls spent is never used', async () => {
    const lab = await readyLab()
    const sessionId = systemRng(16)
    lab.journal.record({ kind: 'session-opened', sessionId, ...lab.digests, round: 1, atMs: 1 })
    const { update, examples, scalars } = freshUpdate(parameterCount, 0)
    lab.journal.record({
      kind: 'update-spent',
      sessionId,
      updateDigest: updateDigest(update, { examples, ...scalars }),
    })
    await lab.again()
    expect((await lab.heard('ready', 2)).report).toMatchObject({ ready: true })
    expect(lab.trainings()).toBe(2)
  })

  test('an update of other data is not used', async () => {
    let basis = 'these files'
    const lab = await readyLab({ basis: () => basis })
    await lab.again(() => {
      basis = 'those files'
    })
    await lab.heard('ready', 2)
    expect(lab.trainings()).toBe(2)
    await lab.again()
    await lab.heard('ready', 3)
    expect(lab.trainings()).toBe(2)
  })

  test('a damaged file is a line in the log and another training', async () => {
    const lab = await readyLab()
    await lab.again(() => writeFileSync(file(lab), 'x'.repeat(500)))
    expect((await lab.heard('ready', 2)).report).toMatchObject({ ready: true })
    expect(lab.trainings()).toBe(2)
    expect(lab.lines().some(({ msg }) => msg.includes('is not used, and erased'))).toBe(true)
  })

  test('without its journal nothing is used', async () => {
    const lab = await readyLab()
    await lab.again(() => {
      for (const end of ['', '-wal', '-shm']) rmSync(join(lab.folder, `journal.sqlite${end}`), { force: true })
    })
    await lab.heard('ready', 2)
    expect(lab.trainings()).toBe(2)
  })

  test('a plan that the policy no longer permits is not served from the disk either', async () => {
    const policy: { planAuthors?: string[] } = {}
    const lab = await readyLab({ policy })
    await lab.again(() => {
      policy.planAuthors = ['spiffe://a.example/author/bob']
    })
    expect((await lab.heard('ready', 2)).report).toMatchObject({ ready: false, code: 'plan_author_not_permitted' })
  })
})

describe('the update is erased', () => {
  test('when another round begins', async () => {
    const lab = await readyLab()
    lab.prepare({ version: 1 }, 2)
    await lab.heard('ready', 2)
    await lab.again(() => lab.prepare())
    await lab.heard('ready', 3)
    expect(lab.trainings()).toBe(3)
  })

  test('when its round is completed without it', async () => {
    const lab = await readyLab()
    const sessionId = systemRng(16)
    lab.session(sessionId)
    await lab.heard('advertised')
    lab.session(sessionId, { $case: 'sessionOver', value: { completed: true, reason: '' } })
    await expect.poll(() => existsSync(file(lab))).toBe(false)
  })

  test('not when a session fails', async () => {
    const lab = await readyLab()
    const sessionId = systemRng(16)
    lab.session(sessionId)
    await lab.heard('advertised')
    lab.session(sessionId, { $case: 'sessionOver', value: { completed: false, reason: 'too_few_participants' } })
    await lab.until(({ msg }) => msg === 'session over')
    lab.prepare({ attempt: 2 })
    await lab.heard('ready', 2)
    expect(existsSync(file(lab))).toBe(true)
    expect(lab.trainings()).toBe(1)
  })
})

describe('a disk that is full', () => {
  const full = () => Promise.reject(new StorageFailure('disk_full'))

  test.each(['keep', 'proveRoom'] as const)(
    'at %s: not ready, then ready by itself, trained once',
    async (refusing) => {
      let isFull = true
      const updates = (real: KeptUpdates): KeptUpdates => ({
        ...real,
        [refusing]: (...given: Parameters<KeptUpdates['keep']>) =>
          isFull ? full() : refusing === 'keep' ? real.keep(...given) : real.proveRoom(),
      })
      const lab = await startLab({ updates })
      lab.prepare()
      const { report } = await lab.heard('ready')
      expect(report).toMatchObject({ ready: false, code: 'disk_full' })
      expect(report.message).not.toContain(lab.folder)
      const line = await lab.until(({ level, code }) => level === 'error' && code === 'disk_full')
      expect(line.msg).toContain(lab.folder)
      isFull = false
      expect((await lab.heard('ready', 2)).report).toMatchObject({ ready: true, attempt: 1 })
      expect(lab.trainings()).toBe(1)
      expect(lab.lines().filter(({ code }) => code === 'disk_full')).toHaveLength(2)
    },
  )

  test('the next attempt is told too, and so is a new stream', async () => {
    const lab = await startLab({ updates: (real) => ({ ...real, keep: full }) })
    lab.prepare()
    await lab.heard('ready')
    lab.prepare({ attempt: 2 })
    expect((await lab.heard('ready', 2)).report).toMatchObject({ ready: false, code: 'disk_full', attempt: 2 })
    lab.cut()
    expect((await lab.heard('ready', 3)).report).toMatchObject({ ready: false, code: 'disk_full', attempt: 2 })
    expect(lab.trainings()).toBe(1)
  })
})
