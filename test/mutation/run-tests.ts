/** Runs test files of a copy of the tree in a process of their own, which ends with everything that it started. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What the process is asked for. */
export interface TestsRequest {
  readonly root: string
  /** Relative to the root; they run in this order, up to the first failure. */
  readonly files: readonly string[]
  readonly workers: number
  readonly testTimeoutMs: number
}

/** What came of the tests. `broken`: they did not get as far as a verdict. */
export type TestsReport =
  | { readonly kind: 'passed'; readonly durationsMs: Readonly<Record<string, number>> }
  | { readonly kind: 'failed'; readonly file: string; readonly test: string; readonly message: string }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'broken'; readonly message: string }

const CHILD = fileURLToPath(new URL('./tests-child.ts', import.meta.url))
const running = new Set<ChildProcess>()

/** Runs the tests; they are ended when none of them ends for `silenceMs`. `temporary` is where they may write. */
export async function runTests(
  request: TestsRequest,
  limits: { readonly silenceMs: number; readonly temporary: string },
): Promise<TestsReport> {
  const child = fork(CHILD, [JSON.stringify(request)], {
    cwd: request.root,
    env: { ...environment(), TMPDIR: limits.temporary },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A process group of its own, so that processes which the tests have left behind can be ended with it.
    detached: true,
  })
  running.add(child)
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (text) => (said = `${said}${text}`.slice(-4000)))
  return new Promise((resolve) => {
    let report: TestsReport | null = null
    const timer = setTimeout(() => {
      report ??= { kind: 'timeout' }
      endGroup(child)
    }, limits.silenceMs)
    child.on('message', (message) => {
      timer.refresh()
      if (message !== 'progress') report ??= message as TestsReport
    })
    child.on('error', (error) => {
      report ??= { kind: 'broken', message: error.message }
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      running.delete(child)
      endGroup(child)
      resolve(report ?? { kind: 'broken', message: `the tests ended with ${signal ?? code} and no report:\n${said}` })
    })
  })
}

/** Ends every test that is running, without waiting. */
export function endAllTests(): void {
  for (const child of running) endGroup(child)
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // Nobody of the group is left.
  }
}

/** Without what a vitest around this one has set for its own tests. */
function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(VITEST|TEST$|NODE_OPTIONS$|BLINDSUM_SLOW$)/.test(name))
  return { ...Object.fromEntries(own), NODE_ENV: 'test' }
}
