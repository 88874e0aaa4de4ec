/** A journal whose process is killed in the middle of a write, 100 times over one file. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { killWhileRecording } from './torn-journal.ts'

test('100 kills leave every fact whole or absent, and their order', { timeout: 600_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'torn-'))
  const unfinished = await killWhileRecording(join(folder, 'journal.sqlite'), 100)
  expect(unfinished).toBeGreaterThan(50)
  rmSync(folder, { recursive: true })
})
