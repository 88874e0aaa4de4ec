/**
 * The shape of the system, read from its imports: the pure core knows nothing of sockets, files or time; arrows point
 * inward; the verifier loads neither gRPC nor ONNX Runtime nor anything of the coordinator.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

function sources(folder: string): string[] {
  return readdirSync(resolve(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`)
    .sort()
}

/** Import specifiers of a file; relative ones resolved against the repository. Types count: a type is knowledge too. */
function importsOf(file: string): string[] {
  const text = readFileSync(resolve(root, file), 'utf8')
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^'"()]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]|(?:^|\n)import\s*['"]([^'"]+)['"]/g,
  )
  return [...found].map((match) => {
    const specifier = match[1] ?? match[2] ?? match[3] ?? ''
    return specifier.startsWith('.') ? relative(root, resolve(root, dirname(file), specifier)) : specifier
  })
}

const PURE = [
  'shared/protocol',
  'shared/crypto',
  'shared/vector',
  'shared/identity',
  'shared/provenance',
  'shared/onnx',
  'shared/plan',
  'shared/plot',
  'coordinator/protocol',
  'participant/protocol',
]
const ALLOWED_IN_PURE =
  /^(node:crypto|node:util|libsodium-wrappers|immutable|zod|@peculiar\/asn1-(x509|schema)|shared\/|coordinator\/protocol\/|participant\/protocol\/)/
const IMPURE_SHARED = /^shared\/(transport|wire|authority|runtime)\//
const IMPURE_GLOBALS = /\b(process\.|console\.|setTimeout\(|setInterval\(|setImmediate\(|Date\.now\(|Math\.random\()/

describe('the pure core', () => {
  for (const folder of PURE) {
    test(folder, () => {
      const offences = sources(folder).flatMap((file) => [
        ...importsOf(file)
          .filter((name) => !ALLOWED_IN_PURE.test(name) || IMPURE_SHARED.test(name))
          .map((name) => `${file} imports ${name}`),
        ...(IMPURE_GLOBALS.exec(readFileSync(resolve(root, file), 'utf8')) ?? [])
          .slice(0, 1)
          .map((use) => `${file} uses ${use}`),
      ])
      expect(offences).toEqual([])
      expect(sources(folder).length).toBeGreaterThan(0)
    })
  }
})

describe('arrows point inward', () => {
  const forbidden: readonly [string, RegExp][] = [
    ['shared', /^(coordinator|participant|bin|demo|test|bench|simulation)\//],
    ['coordinator', /^(participant|bin|demo|test|bench|simulation)\//],
    ['participant', /^(coordinator|bin|demo|test|bench|simulation)\//],
    ['bin', /^(demo|test|bench)\//],
    ['simulation', /^(bin|demo|test|bench)\//],
  ]
  for (const [folder, outward] of forbidden) {
    test(folder, () => {
      const offences = sources(folder).flatMap((file) =>
        importsOf(file)
          .filter((name) => outward.test(name))
          .map((name) => `${file} imports ${name}`),
      )
      expect(offences).toEqual([])
    })
  }
})

test('no barrels, no drawers for odds and ends', () => {
  const all = ['shared', 'coordinator', 'participant', 'bin', 'demo', 'simulation', 'bench'].flatMap(sources)
  const odd = all.filter((file) => /(^|\/)(index|utils?|helpers?|common|types|misc)(\.ts|\/)/.test(file))
  expect(odd).toEqual([])
})

test('no source file is longer than 400 lines', () => {
  const all = ['shared', 'coordinator', 'participant', 'bin', 'demo', 'simulation', 'bench', 'proto', 'test'].flatMap(
    sources,
  )
  const long = all
    .filter((file) => !file.includes('/generated/'))
    .map((file) => [file, readFileSync(resolve(root, file), 'utf8').split('\n').length - 1] as const)
    .filter(([, lines]) => lines > 400)
  expect(long).toEqual([])
})

test('nothing outside demo/ knows the demo data set', () => {
  const all = ['shared', 'coordinator', 'participant', 'bin'].flatMap(sources)
  const knowing = all.filter((file) => /\bmnist\b|demo\/digits/i.test(readFileSync(resolve(root, file), 'utf8')))
  expect(knowing).toEqual([])
})
