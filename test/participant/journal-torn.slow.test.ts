/** A journal whose process is killed in the middle of a write, 200 times over one file. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { killWhileRecording } from './torn-journal.ts'

test('200 kills leave every fact whole or absent, and their order', { timeout: 600_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'torn-'))
  const unfinished = await killWhileRecording(join(folder, 'journal.sqlite'), 200)
  expect(unfinished).toBeGreaterThan(100)
  rmSync(folder, { recursive: true })
})
