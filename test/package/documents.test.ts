/** Every example config in the documents is one that the software accepts, and every link in them leads somewhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { operatorFile } from '../../bin/operator-options.ts'
import { coordinatorConfigFile } from '../../coordinator/config.ts'
import { participantConfigFile } from '../../participant/config.ts'
import { policyFile } from '../../participant/policy/policy-file.ts'
import { planFile } from '../../shared/plan/plan.ts'

const ROOT = join(import.meta.dirname, '../..')
const DOCUMENTS = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
const SCHEMAS = {
  'coordinator.yaml': coordinatorConfigFile,
  'participant.yaml': participantConfigFile,
  'policy.yaml': policyFile,
  'operator.yaml': operatorFile,
  'plan.yaml': planFile,
} as const

function read(document: string): string {
  return readFileSync(join(ROOT, document), 'utf8')
}

/** YAML blocks whose first line names the file they are. */
function exampleConfigs(document: string): { name: keyof typeof SCHEMAS; text: string }[] {
  return [...read(document).matchAll(/```yaml\n# (?:\S*\/)?([a-z]+\.yaml)[^\n]*\n([\s\S]*?)```/g)].map((match) => ({
    name: match[1] as keyof typeof SCHEMAS,
    text: match[2] ?? '',
  }))
}

describe('example configs', () => {
  const examples = DOCUMENTS.flatMap((document) =>
    exampleConfigs(document).map((example) => ({ document, ...example })),
  )

  test.each(examples)('$name in $document', ({ name, text }) => {
    const parsed = SCHEMAS[name].safeParse(parse(text))
    expect(parsed.error?.issues ?? []).toEqual([])
  })

  test('are there for every kind of file', () => {
    expect(new Set(examples.map(({ name }) => name))).toEqual(new Set(Object.keys(SCHEMAS)))
  })
})

describe('links', () => {
  test.each(DOCUMENTS)('%s', (document) => {
    const targets = [...read(document).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '')
    const broken = targets
      .filter((target) => !target.includes('://'))
      .filter((target) => !existsSync(join(ROOT, dirname(document), target)))
    expect(broken.map((target) => relative(ROOT, join(ROOT, dirname(document), target)))).toEqual([])
  })
})

test('the front door names scripts that are there, those for the checks among them', () => {
  const { scripts } = JSON.parse(read('package.json'))
  const named = [...read('README.md').matchAll(/npm run ([a-z:]+)/g)].map((match) => match[1] ?? '')
  expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([])
  expect(named).toEqual(expect.arrayContaining(['test:mutation', 'attacks', 'vectors', 'fuzz', 'bench']))
})

test('the front door shows the two commands', () => {
  expect(read('README.md')).toContain('npm ci && npm run demo')
  expect(read('README.md')).toContain('npm ci && npm test')
})
