/**
 * The demo's processes: started through the same `blindsum` a user types, each with a log file in its own folder, and
 * gone when the demo is, however it ends. A log line can be waited for; a process that ends unasked ends the demo.
 */
import { type ChildProcess, type ChildProcessByStdio, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const BLINDSUM = fileURLToPath(new URL('../bin/blindsum.js', import.meta.url))
const GRACE_MS = 4000
const SHOWN_LINES = 15

export interface DemoProcess {
  readonly name: string
  readonly logFile: string
  /** Resolves at the first log line, past or future, that contains `text`. */
  logged(text: string, timeoutMs: number): Promise<void>
  /** Ends it without asking, and waits until it is gone. */
  killNow(): Promise<void>
}

/** What a command that ran to its end said. */
export interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export class DemoProcesses {
  readonly #running = new Set<ChildProcess>()
  #unexpected: (error: Error) => void = () => {}
  /** Rejects when a process ends that should not have. */
  readonly failure: Promise<never>
  #stopping = false

  constructor() {
    this.failure = new Promise((_, reject) => {
      this.#unexpected = reject
    })
    this.failure.catch(() => {})
  }

  /** Starts `blindsum ARGS` as a service in `folder`. */
  start(name: string, folder: string, args: readonly string[]): DemoProcess {
    const logFile = join(folder, 'log.jsonl')
    const child = spawnBlindsum(folder, args)
    this.#running.add(child)
    const file = createWriteStream(logFile, { flags: 'a' })
    const lines: string[] = []
    const listeners = new Set<() => void>()
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        file.write(`${line}\n`)
        lines.push(line)
        for (const listener of [...listeners]) listener()
      })
    }
    let isKilled = false
    child.on('exit', (code, signal) => {
      this.#running.delete(child)
      if (isKilled || this.#stopping) return
      const tail = lines.slice(-SHOWN_LINES).join('\n')
      this.#unexpected(new Error(`${name} ended unasked (${signal ?? `exit code ${code}`}); its last lines:\n${tail}`))
    })
    return {
      name,
      logFile,
      logged: (text, timeoutMs) =>
        new Promise((resolve, reject) => {
          const clock = setTimeout(() => {
            listeners.delete(look)
            reject(new Error(`${name} did not log "${text}" within ${timeoutMs} ms; see ${logFile}`))
          }, timeoutMs)
          const look = () => {
            if (!lines.some((line) => line.includes(text))) return
            clearTimeout(clock)
            listeners.delete(look)
            resolve()
          }
          listeners.add(look)
          look()
        }),
      killNow: async () => {
        isKilled = true
        if (child.exitCode !== null || child.signalCode !== null) return
        const gone = once(child, 'exit')
        child.kill('SIGKILL')
        await gone
      },
    }
  }

  /** Runs `blindsum ARGS` to its end. */
  async run(folder: string, args: readonly string[]): Promise<Finished> {
    const child = spawnBlindsum(folder, args)
    this.#running.add(child)
    const texts = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      texts.stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      texts.stderr += text
    })
    const [code] = (await once(child, 'close')) as [number | null]
    this.#running.delete(child)
    return { code: code ?? 1, ...texts }
  }

  /** Asks all to end, and after a grace ends them. */
  async stop(): Promise<void> {
    this.#stopping = true
    const children = [...this.#running]
    const gone = Promise.all(children.map((child) => once(child, 'exit')))
    for (const child of children) child.kill('SIGTERM')
    const clock = setTimeout(() => this.killAll(), GRACE_MS)
    await gone
    clearTimeout(clock)
  }

  /** Ends all without asking; for the last moment, when nothing can be awaited. */
  killAll(): void {
    this.#stopping = true
    for (const child of this.#running) child.kill('SIGKILL')
  }
}

/** The channel is never spoken on: its end tells the process that the demo is gone, however that came. */
function spawnBlindsum(folder: string, args: readonly string[]) {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', 'ipc']
  // Safety: standard output and error are pipes, as asked for; the types know no channel beside them.
  return spawn(process.execPath, [BLINDSUM, ...args], { cwd: folder, stdio }) as ChildProcessByStdio<
    null,
    Readable,
    Readable
  >
}

/** Reads a JSON file that another process will write whole. */
export async function appearing<T>(path: string, timeoutMs: number): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    try {
      return JSON.parse(readFileSync(path, 'utf8'))
    } catch (cause) {
      if (Date.now() > deadline) throw new Error(`${path} did not appear within ${timeoutMs} ms`, { cause })
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
