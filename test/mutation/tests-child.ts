/**
 * The process in which tests run: `node tests-child.ts '{"root":…}'` runs the given test files of the tree at `root` in
 * the given order up to the first failure, and sends what came of it to its parent.
 */
import { relative } from 'node:path'
import { type Reporter, startVitest, type TestModule } from 'vitest/node'
import type { TestsReport, TestsRequest } from './run-tests.ts'

const request = JSON.parse(process.argv[2] ?? '{}') as TestsRequest
process.chdir(request.root)
process.on('disconnect', () => process.exit(1))

/** The files in the order in which they were asked for. */
class InOrder {
  shard<T>(files: T): T {
    return files
  }
  sort<T extends { readonly moduleId: string }>(files: T[]): T[] {
    const place = (file: T) => request.files.indexOf(relative(request.root, file.moduleId).replaceAll('\\', '/'))
    return [...files].sort((a, b) => place(a) - place(b))
  }
}

let report: TestsReport = { kind: 'broken', message: 'no tests ran' }

const reporter: Reporter = {
  onTestModuleStart: () => void process.send?.('progress'),
  onTestCaseResult: () => void process.send?.('progress'),
  onTestRunEnd(modules, errors, reason) {
    const ran = modules.filter((module) => module.state() !== 'queued' && module.state() !== 'pending')
    const durations = ran.map((module) => [nameOf(module), timeOf(module)] as const)
    const failed = ran.find((module) => module.state() === 'failed')
    const test = failed === undefined ? undefined : [...failed.children.allTests('failed')][0]
    const message = failed?.errors()[0]?.message ?? test?.result().errors?.[0]?.message ?? errors[0]?.message ?? ''
    if (failed !== undefined || errors.length > 0) {
      const file = failed === undefined ? 'an error outside of every test' : nameOf(failed)
      report = { kind: 'failed', file, test: test?.fullName ?? '', message }
    } else if (reason === 'passed' && ran.length === request.files.length) {
      report = { kind: 'passed', durationsMs: Object.fromEntries(durations) }
    } else {
      report = { kind: 'broken', message: `${ran.length} of ${request.files.length} test files ran: ${reason}` }
    }
  },
}

function nameOf(module: TestModule): string {
  return relative(request.root, module.moduleId).replaceAll('\\', '/')
}

function timeOf(module: TestModule): number {
  const { prepareDuration, collectDuration, setupDuration, duration } = module.diagnostic()
  return prepareDuration + collectDuration + setupDuration + duration
}

const vitest = await startVitest(
  'test',
  request.files.map((file) => `${request.root}/${file}`),
  {
    root: request.root,
    run: true,
    watch: false,
    bail: 1,
    maxWorkers: request.workers,
    testTimeout: request.testTimeoutMs,
    hookTimeout: request.testTimeoutMs,
    reporters: [reporter],
    sequence: { sequencer: InOrder as never },
  },
  { cacheDir: `${request.root}/.vite` },
)
await vitest.close()
process.send?.(report, () => process.disconnect())
