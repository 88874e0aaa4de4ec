/**
 * Which tests can see a source file: what runs against its mutants. The first row that a file is under counts. Folders that
 * are not there are passed over. Fuzzing is left out: what it finds by chance proves no check.
 */
import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

const CORES = ['test/participant/protocol', 'test/coordinator/protocol', 'test/protocol', 'test/adversary']

const ROWS: readonly (readonly [source: string, tests: readonly string[]])[] = [
  ['participant/protocol', ['test/participant/protocol', 'test/protocol', 'test/adversary']],
  ['coordinator/protocol', ['test/coordinator/protocol', 'test/protocol', 'test/adversary']],
  ['shared/protocol', ['test/shared/protocol', ...CORES]],
  ['shared/identity', ['test/shared/identity', 'test/shared/transport']],
  ['shared/wire', ['test/shared/wire', 'test/protocol', 'test/adversary']],
  ['coordinator/session-runner', ['test/coordinator/session-runner', 'test/coordinator/integration', 'test/adversary']],
  ['coordinator/rounds', ['test/coordinator/rounds', 'test/coordinator/integration']],
  ['coordinator/rpc', ['test/coordinator/rpc', 'test/coordinator/integration']],
  ['participant/policy', ['test/participant/policy', 'test/participant/policy.test.ts', 'test/adversary']],
  ['participant', ['test/participant', 'test/adversary', 'test/integration']],
  ['coordinator', ['test/coordinator', 'test/integration']],
]

/** The test files that can see `file`, relative to `root`. Throws for a file that no row is about. */
export function testsFor(root: string, file: string): string[] {
  const row = ROWS.find(([source]) => file === `${source}.ts` || file.startsWith(`${source}/`))
  if (row === undefined) throw new Error(`${file}: test/mutation/tests-by-file.ts does not say which tests can see it`)
  return [...new Set(row[1].flatMap((place) => testFiles(root, place)))]
}

function testFiles(root: string, place: string): string[] {
  if (place.endsWith('.ts')) return readdirSync(join(root, dirname(place))).includes(basename(place)) ? [place] : []
  try {
    return readdirSync(join(root, place), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts') && !name.endsWith('.slow.test.ts'))
      .map((name) => `${place}/${name.replaceAll('\\', '/')}`)
      .sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
