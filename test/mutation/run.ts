/**
 * `npm run test:mutation [-- --only TEXT] [--list]`: takes every refusal out, one at a time, in a copy of the tree, and
 * requires that some test fails without it. Ends with `N mutants, N killed`, and with 0 only if none lived.
 * --only: mutants whose file, file:line or code contains the text; may be given again. --list: names them and runs nothing.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CODE_LISTS, codeProblems, unionMembers } from './codes.ts'
import { findMutants, type Mutant } from './find-refusals.ts'
import { closingLines, listLine, progressLine } from './report.ts'
import { baseline, isKilled, runMutants } from './run-mutants.ts'
import { endAllTests } from './run-tests.ts'
import { testsFor } from './tests-by-file.ts'
import { copyTree } from './tree-copy.ts'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const SCANNED = ['participant', 'coordinator', 'shared']
const WORKERS = 2

const { values: options } = parseArgs({
  options: { only: { type: 'string', multiple: true }, list: { type: 'boolean' } },
})
const sources = SCANNED.flatMap(sourcesUnder).map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }))
const everyMutant = sources.flatMap(({ file, text }) => findMutants(file, text))
const mutants = everyMutant.filter(isAskedFor)
const problems = problemsOfCodes()

for (const problem of problems) console.error(problem)
if (problems.length > 0) {
  process.exitCode = 1
} else if (options.list) {
  for (const mutant of mutants) console.log(listLine(mutant))
  console.log(`${mutants.length} mutants`)
} else if (mutants.length === 0) {
  console.error(`nothing to take out is named ${options.only?.join(' or ')}`)
  process.exitCode = 1
} else {
  process.exitCode = (await run()) ? 0 : 1
}

/** True when every mutant was killed. */
async function run(): Promise<boolean> {
  const { copies, remove } = copyTree(ROOT, WORKERS)
  const leave = (code: number) => {
    endAllTests()
    remove()
    process.exit(code)
  }
  process.once('SIGINT', () => leave(130))
  process.once('SIGTERM', () => leave(143))
  try {
    const work = {
      copies,
      mutants,
      testsFor: (file: string) => testsFor(copies[0]?.root ?? ROOT, file),
      onVerdict: (verdict: Parameters<typeof progressLine>[0], done: number) =>
        console.log(progressLine(verdict, done, mutants.length)),
    }
    const began = performance.now()
    console.log(`${mutants.length} mutants; first the tests with nothing taken out`)
    const durationsMs = await baseline(work)
    console.log(`${Object.keys(durationsMs).length} test files passed in ${since(began)}`)
    const verdicts = await runMutants(work, durationsMs)
    console.log(`${since(began)} in all`)
    for (const line of closingLines(verdicts)) console.log(line)
    return verdicts.every(isKilled)
  } catch (error) {
    console.error((error as Error).message)
    return false
  } finally {
    remove()
  }
}

function isAskedFor({ file, line, code }: Mutant): boolean {
  return options.only === undefined || options.only.some((text) => `${file}:${line} ${code}`.includes(text))
}

function problemsOfCodes(): string[] {
  const lists = new Set(CODE_LISTS.map(({ file }) => file))
  const texts = sources.filter(({ file }) => !lists.has(file)).map(({ text }) => text)
  const codes = CODE_LISTS.flatMap(({ file, type }) => unionMembers(readFileSync(join(ROOT, file), 'utf8'), type))
  return codeProblems(codes, everyMutant, texts)
}

function sourcesUnder(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((name) => name.endsWith('.ts') && !name.includes('/generated/'))
    .sort()
}

function since(began: number): string {
  return `${((performance.now() - began) / 1000).toFixed(0)} s`
}
