/** policy.yaml: its defaults are safe, its floors hold, and what it does not say is asked for in words. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readPolicy } from '../../../participant/policy/policy-file.ts'
import { ConfigError } from '../../../shared/errors.ts'

const folder = mkdtempSync(join(tmpdir(), 'policy-'))
const file = join(folder, 'policy.yaml')
afterAll(() => rmSync(folder, { recursive: true }))

const AUTHORS = 'planAuthors: [spiffe://a.example/author/ada, spiffe://b.example/*]\n'

function read(text: string) {
  writeFileSync(file, text)
  return readPolicy(file)
}

function problemsOf(text: string): string {
  try {
    read(text)
    return ''
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.join('\n')
    throw error
  }
}

test('only the authors have to be named', () => {
  expect(read(AUTHORS)).toEqual({
    planAuthors: ['spiffe://a.example/author/ada', 'spiffe://b.example/*'],
    planSignatureMaxAgeDays: 90,
    minimumCohort: 3,
    minimumThresholdFraction: 0.5,
    minimumGamma: 0,
    minimumDelta: 0,
    minimumColluders: 0,
    allowSemiHonest: false,
    sessionsPerModel: 2,
    roundsPerDay: 200,
    maxRounds: 10_000,
    maxModelBytes: 256 * 1024 * 1024,
  })
})

test.each([
  ['nothing at all', ''],
  ['no authors', 'minimumCohort: 3\n'],
  ['an empty list of them', 'planAuthors: []\n'],
])('%s: says what to write', (_what, text) => {
  const problems = problemsOf(text)
  expect(problems).toMatch(/policy\.yaml: planAuthors: /)
  expect(problems).toContain('name who may sign plans for this site, such as [spiffe://example.org/author/bea]')
})

test('an empty list of authors is not called missing', () => {
  expect(problemsOf('planAuthors: []\n')).not.toContain('missing')
})

test.each([
  'planAuthors: [everybody]',
  'planAuthors: [spiffe://a.example]',
  'planAuthors: ["*"]',
  'peers: []',
  'peers: [spiffe://a.example/*/site]',
  'coordinators: [nobody]',
  'minimumCohort: 1',
  'minimumThresholdFraction: 1',
  'minimumThresholdFraction: -0.1',
  'minimumGamma: 0.6',
  'minimumDelta: 0.6',
  'minimumColluders: -1',
  'minimumColluders: 1.5',
  'allowSemiHonest: maybe',
  'sessionsPerModel: 0',
  'sessionsPerModel: 11',
  'roundsPerDay: 0',
  'planSignatureMaxAgeDays: 0',
  'approvedPlans: [abc]',
  'maxModelBytes: 10',
  'maxRounds: 0',
  'dataSets: []',
])('%s is refused with its field', (line) => {
  const field = line.split(':')[0] ?? ''
  const text = field === 'planAuthors' ? line : `${AUTHORS}${line}\n`
  expect(problemsOf(text)).toContain(`policy.yaml: ${field}`)
})

test('all problems come at once; a misspelt key is named', () => {
  const problems = problemsOf('minimumCohrt: 3\nroundsPerDay: 0\n')
  expect(problems).toContain('did you mean minimumCohort?')
  expect(problems).toContain('roundsPerDay')
  expect(problems).toContain('planAuthors')
})
