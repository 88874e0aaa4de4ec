/** A journal whose process is killed in the middle of a write; many more times in the slow suite. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { killWhileRecording } from './torn-journal.ts'

test('kill -9 at any moment leaves every fact whole or absent, and their order', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'torn-'))
  const unfinished = await killWhileRecording(join(folder, 'journal.sqlite'), 6)
  expect(unfinished).toBeGreaterThan(0)
  rmSync(folder, { recursive: true })
})
