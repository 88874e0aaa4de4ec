/**
 * docs/security.md says of every attack what happens and which test shows it. Held to its word: each row has a test or says
 * "not built", each linked file is there, each adversary test is linked, each code is one that the software can give and stands
 * in a test of its row.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const DOCUMENT = 'docs/security.md'
/** So many the threat model has; fewer rows than that, and one went missing. */
const LEAST_ROWS = 33

interface Row {
  readonly attack: string
  readonly codes: readonly string[]
  readonly shownBy: string
  readonly files: readonly string[]
}

const text = readFileSync(join(ROOT, DOCUMENT), 'utf8')
const rows: readonly Row[] = attacksIn(text)
const sources = ['shared', 'participant', 'coordinator'].flatMap(sourcesIn).join('\n')

/** The rows of all tables in the section on attacks, without their heads. */
function attacksIn(document: string): Row[] {
  const section = document.split(/^## /m).find((part) => part.startsWith('Attacks, and what happens'))
  return (section ?? '').split('\n').flatMap((line) => {
    if (!line.startsWith('|') || /^\|(---|\s*attack\s*\|)/.test(line)) return []
    const [attack = '', , codes = '', shownBy = '', ...rest] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
    if (rest.length > 0) throw new Error(`a cell too many: ${line}`)
    return [
      {
        attack,
        codes: [...codes.matchAll(/`([a-z_0-9]+)`/g)].map((match) => match[1] ?? ''),
        shownBy,
        files: linksIn(shownBy),
      },
    ]
  })
}

function linksIn(markdown: string): string[] {
  return [...markdown.matchAll(/\]\(([^)]+)\)/g)].map((match) => join(dirname(DOCUMENT), match[1] ?? ''))
}

function sourcesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.includes('generated'))
    .map((file) => readFileSync(join(ROOT, folder, file), 'utf8'))
}

test('no row has gone missing, and none stands twice', () => {
  expect(rows.length).toBeGreaterThanOrEqual(LEAST_ROWS)
  expect(new Set(rows.map(({ attack }) => attack)).size).toBe(rows.length)
})

describe('each attack has a test that is there, or says that its part is not built', () => {
  test.each(rows)('$attack', ({ files, shownBy }) => {
    expect(files.length > 0 || shownBy === 'not built').toBe(true)
    expect(files.filter((file) => !file.endsWith('.test.ts') || !existsSync(join(ROOT, file)))).toEqual([])
  })
})

describe('each code of an attack stands in one of its tests', () => {
  test.each(rows.filter(({ codes }) => codes.length > 0))('$attack', ({ codes, files }) => {
    const tests = files.map((file) => readFileSync(join(ROOT, file), 'utf8')).join('\n')
    expect(codes.filter((code) => !new RegExp(`\\b${code}\\b`).test(tests))).toEqual([])
  })
})

test('each adversary test is linked', () => {
  const linked = new Set(linksIn(text))
  const tests = readdirSync(join(ROOT, 'test/adversary')).filter((file) => file.endsWith('.test.ts'))
  expect(tests.map((file) => join('test/adversary', file)).filter((file) => !linked.has(file))).toEqual([])
})

test('each code is one that the software can give', () => {
  const codes = [...new Set(rows.flatMap((row) => row.codes))]
  expect(codes.length).toBeGreaterThan(40)
  expect(codes.filter((code) => !sources.includes(`'${code}'`))).toEqual([])
})
