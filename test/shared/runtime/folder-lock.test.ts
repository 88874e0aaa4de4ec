import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { lockFolder } from '../../../shared/runtime/folder-lock.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-lock-'))
afterAll(() => rmSync(folder, { recursive: true }))

const CHILD = `
  const { lockFolder } = await import(process.argv[1])
  lockFolder(process.argv[2], 'coordinator')
  process.stdout.write('held')
  setInterval(() => {}, 1000)
`

test('a folder is one process at a time, and a killed process leaves it free', async () => {
  const target = join(folder, 'data')
  const module = new URL('../../../shared/runtime/folder-lock.ts', import.meta.url).href
  const child = spawn(process.execPath, ['--input-type=module', '-e', CHILD, module, target])
  await once(child.stdout, 'data')
  expect(() => lockFolder(target, 'coordinator')).toThrow(
    expect.objectContaining({
      code: 'folder_in_use',
      message: expect.stringMatching(
        `the coordinator with pid ${child.pid} on ${hostname()}, started 2\\d{3}-.*Z; stop`,
      ),
    }),
  )
  child.kill('SIGKILL')
  await once(child, 'close')
  const lock = lockFolder(target, 'coordinator')
  expect(lock.tookOverFrom).toContain(`the coordinator with pid ${child.pid}`)
  lock.release()
  lock.release()
  const again = lockFolder(target, 'coordinator')
  expect(again.tookOverFrom).toBeNull()
  again.release()
})

/** Leaves a folder as a process would that ended without giving it back. */
function heldBy(name: string, changes: object): string {
  const target = join(folder, name)
  const record = join(target, 'lock.json')
  mkdirSync(target)
  const lock = lockFolder(target, 'coordinator')
  const own = JSON.parse(readFileSync(record, 'utf8'))
  lock.release()
  writeFileSync(record, JSON.stringify({ ...own, ...changes }))
  return target
}

test('a record of another machine is believed until somebody removes it', () => {
  const target = heldBy('elsewhere', { host: 'other.example', bootId: '00000000-0000-4000-8000-000000000000' })
  const record = join(target, 'lock.json')
  expect(() => lockFolder(target, 'coordinator')).toThrow(
    expect.objectContaining({
      code: 'folder_in_use_elsewhere',
      message: expect.stringMatching(`on other\\.example, started .*remove ${record}`),
    }),
  )
  expect(existsSync(record)).toBe(true)
  rmSync(record)
  lockFolder(target, 'coordinator').release()
})

test.each([
  ['an earlier boot of this machine', { bootId: '00000000-0000-4000-8000-000000000000' }],
  ['another container of this machine', { host: 'c0ffee', pid: 1, began: '17' }],
  ['a pid that another process has now', { began: '17' }],
])('what %s left is taken over', (_what, changes) => {
  const target = heldBy('left', changes)
  const lock = lockFolder(target, 'coordinator')
  expect(lock.tookOverFrom).not.toBeNull()
  lock.release()
  rmSync(target, { recursive: true })
})

test('a process that runs is in the way even where the lock file was removed', () => {
  const target = join(folder, 'removed')
  const lock = lockFolder(target, 'coordinator')
  rmSync(join(target, 'lock.sqlite'))
  expect(() => lockFolder(target, 'coordinator')).toThrow(expect.objectContaining({ code: 'folder_in_use' }))
  lock.release()
})

test('a spoilt record names nobody; a spoilt lock file is said so', () => {
  const target = heldBy('spoilt', {})
  writeFileSync(join(target, 'lock.json'), '{"what":')
  lockFolder(target, 'coordinator').release()
  writeFileSync(join(target, 'lock.sqlite'), 'x'.repeat(8192))
  expect(() => lockFolder(target, 'coordinator')).toThrow(expect.objectContaining({ code: 'folder_unusable' }))
})

test('a second lock in the same process is refused until the first is released', () => {
  const first = lockFolder(join(folder, 'same'), 'participant')
  expect(() => lockFolder(join(folder, 'same'), 'participant')).toThrow(
    expect.objectContaining({ code: 'folder_in_use' }),
  )
  first.release()
  lockFolder(join(folder, 'same'), 'participant').release()
})

test('a folder that cannot be made is said so', () => {
  writeFileSync(join(folder, 'file'), '')
  expect(() => lockFolder(join(folder, 'file', 'below'), 'coordinator')).toThrow(
    expect.objectContaining({ code: 'folder_unusable' }),
  )
})
