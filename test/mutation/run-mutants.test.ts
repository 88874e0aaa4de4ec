/** The runner over a small tree of its own: one refusal that a test guards, and one that no test sees. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { findMutants } from './find-refusals.ts'
import { closingLines, progressLine } from './report.ts'
import { baseline, isKilled, type MutationWork, runMutants, type Verdict } from './run-mutants.ts'
import { runTests } from './run-tests.ts'
import { copyTree } from './tree-copy.ts'

const CHECKS = 'participant/protocol/checks.ts'
const TESTS = 'test/checks.test.ts'
const SOURCES: Readonly<Record<string, string>> = {
  'package.json': '{ "type": "module" }',
  'shared/protocol/refusal.ts': `
export function refuseIf(condition, code, message) {
  if (condition) throw Object.assign(new Error(message), { code })
}
`,
  [CHECKS]: `
import { refuseIf } from '../../shared/protocol/refusal.ts'
export function check(n) {
  refuseIf(n > 9, 'late', 'guarded by a test')
  refuseIf(n < 0, 'malformed', 'not tested')
  return n
}
`,
  [TESTS]: `
import { expect, test } from 'vitest'
import { check } from '../participant/protocol/checks.ts'
test('a large one is refused', () => {
  expect(check(3)).toBe(3)
  expect(() => check(10)).toThrow()
})
`,
}

const folders: { remove(): void }[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) folder.remove()
})

/** The small tree, with `changed` files, and the work of its mutants in one copy. */
function smallTree(changed: Readonly<Record<string, string>> = {}) {
  const root = mkdtempSync(join(tmpdir(), 'blindsum-small-tree-'))
  folders.push({ remove: () => rmSync(root, { recursive: true, force: true }) })
  for (const [file, text] of Object.entries({ ...SOURCES, ...changed })) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
  symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(root, 'node_modules'))
  const copied = copyTree(root, 1)
  folders.push(copied)
  const verdicts: Verdict[] = []
  const work: MutationWork = {
    copies: copied.copies,
    mutants: findMutants(CHECKS, readFileSync(join(root, CHECKS), 'utf8')),
    testsFor: () => [TESTS],
    onVerdict: (verdict) => verdicts.push(verdict),
  }
  return { root, work, copied }
}

test('a refusal that a test guards is killed, one that nobody tests is reported', async () => {
  const { root, work, copied } = smallTree()
  const verdicts = await runMutants(work, await baseline(work))
  expect(verdicts.map(isKilled)).toEqual([true, false])
  expect(verdicts[0]?.report).toMatchObject({ kind: 'failed', file: TESTS, test: 'a large one is refused' })
  expect(verdicts[0] && progressLine(verdicts[0], 1, 2)).toMatch(/^\[1\/2\] killed .*checks\.ts:4 late by test\/checks/)
  const lines = closingLines(verdicts)
  expect(lines.filter((line) => line.includes(`${CHECKS}:5 malformed`))).toHaveLength(1)
  expect(lines.at(-1)).toBe('2 mutants, 1 killed')

  const [copy] = copied.copies
  for (const file of Object.keys(SOURCES)) {
    expect(readFileSync(join(root, file), 'utf8')).toBe(SOURCES[file])
    expect(readFileSync(join(copy?.root ?? '', file), 'utf8')).toBe(SOURCES[file])
  }
  copied.remove()
  expect(existsSync(copy?.root ?? '')).toBe(false)
  expect(existsSync(join(root, 'node_modules', 'vitest'))).toBe(true)
})

test('a tree whose tests fail before anything is taken out is not judged', async () => {
  const { work } = smallTree({
    [TESTS]: "import { test } from 'vitest'\ntest('broken', () => { throw new Error('x') })",
  })
  await expect(baseline(work)).rejects.toThrow(/broken/)
})

test('tests that come to no verdict have not killed anything', async () => {
  const { work } = smallTree()
  const verdicts = await runMutants({ ...work, testsFor: () => ['test/missing.test.ts'] }, {})
  expect(verdicts.map(({ report }) => report.kind)).toEqual(['broken', 'broken'])
  expect(verdicts.some(isKilled)).toBe(false)
})

test('a test that goes round in circles is ended, and counts as a timeout', async () => {
  const circles = "import { test } from 'vitest'\ntest('circles', () => { for (;;) {} })\n"
  const [copy] = smallTree({ [TESTS]: circles }).copied.copies
  if (copy === undefined) throw new Error('one copy')
  const request = { root: copy.root, files: [TESTS], workers: 1, testTimeoutMs: 1000 }
  expect(await runTests(request, { silenceMs: 4000, temporary: copy.temporary })).toEqual({ kind: 'timeout' })
})
