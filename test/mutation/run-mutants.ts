/** Takes one check out at a time, several copies of the tree side by side, and says which mutants no test has noticed. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Mutant } from './find-refusals.ts'
import { mutate } from './mutate.ts'
import { runTests, type TestsReport } from './run-tests.ts'
import type { TreeCopy } from './tree-copy.ts'

export interface Verdict {
  readonly mutant: Mutant
  readonly report: TestsReport
  readonly seconds: number
}

export interface MutationWork {
  /** Each judges one mutant at a time. */
  readonly copies: readonly TreeCopy[]
  readonly mutants: readonly Mutant[]
  /** The test files that can see a source file. */
  readonly testsFor: (file: string) => readonly string[]
  readonly onVerdict: (verdict: Verdict, done: number) => void
}

/** Longest a single test or hook may take; a check that is missing often leaves a test waiting. */
const TEST_TIMEOUT_MS = 30_000
/** Longest that no test ends: one that goes round in circles cannot be interrupted by its own limit. */
const SILENCE_MS = TEST_TIMEOUT_MS + 20_000

/** How long each test file takes in a copy where nothing is missing; throws when they do not all pass. */
export async function baseline(work: MutationWork): Promise<Readonly<Record<string, number>>> {
  const files = [...new Set(work.mutants.flatMap(({ file }) => work.testsFor(file)))]
  const [copy] = work.copies
  if (copy === undefined || files.length === 0) throw new Error('there are no tests for these mutants')
  const report = await runTests(
    { root: copy.root, files, workers: work.copies.length, testTimeoutMs: TEST_TIMEOUT_MS },
    { silenceMs: SILENCE_MS, temporary: copy.temporary },
  )
  if (report.kind === 'passed') return report.durationsMs
  throw new Error(
    `The tests fail before anything is taken out, which would count every mutant as killed: ${inWords(report)}`,
  )
}

/**
 * A verdict on every mutant, in their order. `durationsMs` is what {@link baseline} measured: the cheapest tests run first,
 * but before them those that have killed another mutant of the same file.
 */
export async function runMutants(
  work: MutationWork,
  durationsMs: Readonly<Record<string, number>>,
): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = []
  const queue = [...work.mutants.entries()]
  const kills = new Map<string, number>()
  const killsOf = (mutant: Mutant, test: string) => kills.get(`${mutant.file} ${test}`) ?? 0
  const cost = (test: string) => durationsMs[test] ?? 0
  let done = 0
  const worker = async (copy: TreeCopy) => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [place, mutant] = next
      const files = [...work.testsFor(mutant.file)].sort(
        (a, b) => killsOf(mutant, b) - killsOf(mutant, a) || cost(a) - cost(b),
      )
      const verdict = await judge(copy, mutant, files)
      const { report } = verdict
      if (report.kind === 'failed') kills.set(`${mutant.file} ${report.file}`, killsOf(mutant, report.file) + 1)
      verdicts[place] = verdict
      done += 1
      work.onVerdict(verdict, done)
    }
  }
  await Promise.all(work.copies.map(worker))
  return verdicts
}

/** A mutant lives when every test that can see it passed, or when they came to no verdict. */
export function isKilled({ report }: Verdict): boolean {
  return report.kind === 'failed' || report.kind === 'timeout'
}

/** What came of the tests, for a line of output. */
export function inWords(report: TestsReport): string {
  switch (report.kind) {
    case 'passed':
      return 'every test passed'
    case 'failed':
      return `${report.file}${report.test === '' ? '' : ` › ${report.test}`}: ${report.message}`
    case 'timeout':
      return 'the tests did not end in time'
    case 'broken':
      return report.message
  }
}

async function judge(copy: TreeCopy, mutant: Mutant, files: readonly string[]): Promise<Verdict> {
  const began = performance.now()
  const source = mutate(readFileSync(join(copy.root, mutant.file), 'utf8'), mutant)
  const report = await copy.replaced(mutant.file, source, async () => {
    if (files.length === 0) return { kind: 'broken', message: 'no tests can see this file' } as const
    const request = { root: copy.root, files, workers: 1, testTimeoutMs: TEST_TIMEOUT_MS }
    return runTests(request, { silenceMs: SILENCE_MS, temporary: copy.temporary })
  })
  return { mutant, report, seconds: (performance.now() - began) / 1000 }
}
