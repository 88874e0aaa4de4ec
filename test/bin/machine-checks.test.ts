/** What `doctor` says of providers, store and clock, on this machine and on worse ones. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { clockFinding, providersFound, readClocks, storeTried } from '../../bin/machine-checks.ts'

const BUILT_MS = Date.UTC(2026, 5, 1)

describe('the store', () => {
  test('is written and read, and leaves nothing behind', async () => {
    const parent = mkdtempSync(join(tmpdir(), 'blindsum-store-'))
    try {
      expect(await storeTried(parent)).toMatch(/^SQLite \d+\.\d+/)
      expect(readdirSync(parent)).toEqual([])
    } finally {
      rmSync(parent, { recursive: true })
    }
  })

  test('fails where there is no folder for it', async () => {
    await expect(storeTried(join(tmpdir(), 'blindsum-no-such-folder'))).rejects.toThrow()
  })
})

test('training has its provider', async () => {
  expect(await providersFound()).toContain('cpu')
})

describe('the clock', () => {
  test('of this machine is right', () => {
    expect(clockFinding(readClocks())).toMatchObject({ name: 'clock', ok: true })
  })

  test('before the build was never set', () => {
    const wallMs = BUILT_MS - 1
    const finding = clockFinding({ wallMs, monotonicMs: wallMs, builtMs: BUILT_MS })
    expect(finding).toMatchObject({ ok: false, isOptional: false })
  })

  test.each([-5000, 5000])('that was set by %i ms meanwhile is told, and fails nothing', (step) => {
    const wallMs = BUILT_MS + 100_000
    const finding = clockFinding({ wallMs, monotonicMs: wallMs - step, builtMs: BUILT_MS })
    expect(finding).toMatchObject({ ok: false, isOptional: true })
  })
})
