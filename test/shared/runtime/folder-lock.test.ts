import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
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
      message: expect.stringContaining(`the coordinator with pid ${child.pid}`),
    }),
  )
  child.kill('SIGKILL')
  await once(child, 'close')
  const lock = lockFolder(target, 'coordinator')
  lock.release()
  lock.release()
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
