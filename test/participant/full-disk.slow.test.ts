/**
 * A real agent whose data folder is a file system of 8 MiB that a test fills: nothing leaves, the agent stays up, says so with
 * a code, and goes on by itself when there is room. Needs the right to mount one.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { openJournal } from '../../participant/journal.ts'
import { encodeHex } from '../../shared/crypto/digest.ts'
import { systemRng } from '../../shared/random.ts'
import { makePlan } from './plans.ts'
import { openSite } from './real-site.ts'
import { closeScripted } from './scripted-coordinator.ts'

// A busy machine starts a process in many seconds.
vi.setConfig({ testTimeout: 240_000 })

const mountPoint = mkdtempSync(join(tmpdir(), 'small-disk-'))

function mounted(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', mountPoint], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const canMount = mounted()
if (canMount) execFileSync('umount', [mountPoint])

afterAll(() => rmSync(mountPoint, { recursive: true, force: true }))

/** Takes every byte that is left. */
function fillDisk(): void {
  const file = openSync(join(mountPoint, 'filler'), 'a')
  try {
    for (const bytes of [1024 * 1024, 4096, 1]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(bytes, 1))
      } catch {
        // Full, for pieces of this size.
      }
    }
  } finally {
    closeSync(file)
  }
  expect(statfsSync(mountPoint).bavail).toBe(0)
}
const makeRoom = () => rmSync(join(mountPoint, 'filler'))

describe.runIf(canMount)('on a small disk', () => {
  let site: Awaited<ReturnType<typeof openSite>>
  beforeAll(() => {
    expect(mounted()).toBe(true)
  })
  beforeEach(async () => {
    for (const name of readdirSync(mountPoint)) rmSync(join(mountPoint, name), { recursive: true })
    site = await openSite(makePlan(), { dataFolder: join(mountPoint, 'data') })
  })
  afterEach(async () => {
    await site.close()
    await closeScripted()
  })
  afterAll(() => {
    execFileSync('umount', [mountPoint])
  })
  const until = (wanted: () => boolean) => expect.poll(wanted, { timeout: 90_000 }).toBe(true)

  test('that is full when the update has to be kept: not ready, then ready, trained once', async () => {
    const agent = site.start()
    // As soon as journal and lock are there, and before anything is trained.
    await agent.until('participant started')
    fillDisk()
    await until(() => site.reports.length === 1)
    expect(site.reports[0]).toMatchObject({ ready: false, code: 'disk_full' })
    expect(agent.lines().find(({ level, code }) => level === 'error' && code === 'disk_full')?.msg).toContain(
      mountPoint,
    )
    expect(readdirSync(site.dataFolder).filter((name) => name.startsWith('update'))).toEqual([])
    makeRoom()
    await until(() => site.reports.length === 2)
    expect(site.reports[1]).toMatchObject({ ready: true, attempt: 1 })
    expect(agent.lines().filter(({ msg }) => msg === 'training started')).toHaveLength(1)
    await agent.kill('SIGTERM')
  })

  test('that is full when a session begins: nothing leaves, and the next one is entered once there is room', async () => {
    const agent = site.start()
    await until(() => site.reports.length === 1)
    fillDisk()
    const [first, second] = [systemRng(16), systemRng(16)]
    site.tell(site.session(first))
    await until(() => site.withdrawn.length === 1)
    expect(site.withdrawn).toEqual(['disk_full'])
    expect(site.advertised).toEqual([])
    site.prepare(2)
    await until(() => site.reports.length === 2)
    expect(site.reports[1]).toMatchObject({ ready: false, code: 'disk_full', attempt: 2 })
    makeRoom()
    await until(() => site.reports.length === 3)
    expect(site.reports[2]).toMatchObject({ ready: true, attempt: 2 })
    site.tell(site.session(second))
    await until(() => site.advertised.length === 1)
    expect(site.advertised).toEqual([encodeHex(second)])
    expect(agent.lines().filter(({ msg }) => msg === 'training started')).toHaveLength(1)
    await agent.kill('SIGTERM')
  })

  test('that is full when the agent starts: it says so and ends, and starts when there is room', async () => {
    const first = site.start()
    await until(() => site.reports.length === 1)
    await first.kill()
    fillDisk()
    await expect(site.start().until('attending')).rejects.toThrow(/folder_unusable.*ENOSPC/s)
    const journal = join(site.dataFolder, 'journal.sqlite')
    expect(() => openJournal(journal)).toThrowError(expect.objectContaining({ code: 'disk_full' }))
    makeRoom()
    const third = site.start()
    await until(() => site.reports.length === 2)
    expect(site.reports[1]).toMatchObject({ ready: true })
    expect(third.has('training started')).toBe(false)
    await third.kill('SIGTERM')
  })
})
