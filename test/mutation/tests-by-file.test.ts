/** The table of tests against the tests that are there. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { testsFor } from './tests-by-file.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

test('a file is seen by the tests of the most particular row, and every one of them is there', () => {
  const core = testsFor(root, 'participant/protocol/stage1-share-keys.ts')
  expect(core).toContain('test/participant/protocol/lying-coordinator.test.ts')
  expect(core).not.toContain('test/participant/config.test.ts')
  expect(testsFor(root, 'participant/config.ts')).toContain('test/participant/config.test.ts')
  for (const file of core) expect(existsSync(join(root, file))).toBe(true)
})

test('only fast tests, each once, and none by chance', () => {
  const files = testsFor(root, 'shared/protocol/bitmap.ts')
  expect(new Set(files).size).toBe(files.length)
  expect(files.filter((file) => !file.endsWith('.test.ts') || /\.slow\.|test\/fuzz/.test(file))).toEqual([])
})

test('a file that no row is about is an error', () => {
  expect(() => testsFor(root, 'elsewhere/a.ts')).toThrow()
})
