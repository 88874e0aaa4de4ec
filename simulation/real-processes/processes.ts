/**
 * The processes of a simulation: started with a channel, so that they end when the harness is gone, however that came; their
 * last lines at hand for the moment that one of them ends unasked, which ends the simulation.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { SimulationFailed } from './simulation-failed.ts'

const STOP_LIMIT_MS = 20_000
const SHOWN_LINES = 15

export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** What a command that ran to its end said. */
export interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Start {
  readonly name: string
  /** Working directory; what it says is kept there in NAME.log. */
  readonly folder: string
  /** Program and arguments, for Node. */
  readonly args: readonly string[]
  /** Hears its standard output, a JSON object per line. */
  readonly onJson?: (said: Readonly<Record<string, unknown>>) => void
  readonly onMessage?: (message: unknown) => void
}

export class RunningProcess {
  readonly name: string
  readonly pid: number
  readonly ended: Promise<Ending>
  /** The most memory it held, as far as it was asked; null where the system does not tell. */
  peakMemoryBytes: number | null = null
  isExpectedToEnd = false
  /** Resolves when it has ended and all that it said was read. */
  readonly outputEnded: Promise<unknown>
  readonly #child: ChildProcess

  constructor(name: string, child: ChildProcess) {
    this.name = name
    this.pid = child.pid ?? 0
    this.#child = child
    // An error of the channel, such as a message to one that has just ended, must not look like an end.
    this.ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))
    this.outputEnded = new Promise((resolve) => child.once('close', resolve))
  }

  get isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Asks the system what the most memory was that it held. */
  measure(): void {
    try {
      const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8')) ?? []
      if (kibibytes !== undefined) this.peakMemoryBytes = Number(kibibytes) * 1024
    } catch {
      // Not Linux, or gone already.
    }
  }

  send(message: object): void {
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  /** From now on its end is no failure. */
  signal(signal: NodeJS.Signals): void {
    this.measure()
    this.isExpectedToEnd = true
    this.#child.kill(signal)
  }
}

export class Processes {
  readonly #running = new Set<RunningProcess>()
  #reject: (error: Error) => void = () => {}
  #isClosed = false
  /** Rejects when a process ends that should not have, or {@link fail} says so. */
  readonly failure: Promise<never>

  constructor() {
    this.failure = new Promise((_, reject) => {
      this.#reject = reject
    })
    this.failure.catch(() => {})
  }

  fail(error: Error): void {
    this.#reject(error)
  }

  start({ name, folder, args, onJson, onMessage }: Start): RunningProcess {
    const child = this.#spawn(folder, args)
    const lines: string[] = []
    const log = createWriteStream(join(folder, `${name}.log`), { flags: 'a' })
    // The folder may be gone before the last line.
    log.on('error', () => {})
    for (const stream of [child.stdout, child.stderr] as readonly (Readable | null)[]) {
      if (stream === null) continue
      createInterface({ input: stream }).on('line', (line) => {
        log.write(`${line}\n`)
        lines.push(line)
        if (lines.length > SHOWN_LINES) lines.shift()
        const said = stream === child.stdout ? jsonIn(line) : null
        if (said !== null) onJson?.(said)
      })
    }
    if (onMessage !== undefined) child.on('message', onMessage)
    const running = new RunningProcess(name, child)
    this.#running.add(running)
    void running.outputEnded.then(() => {
      log.end()
      this.#running.delete(running)
    })
    void running.ended.then(({ code, signal }) => {
      if (running.isExpectedToEnd) return
      const tail = lines.join('\n')
      this.#reject(
        new SimulationFailed(`${name} ended unasked (${signal ?? `exit code ${code}`}); its last lines:\n${tail}`),
      )
    })
    return running
  }

  /** Runs a program to its end. */
  async run(folder: string, args: readonly string[]): Promise<Finished> {
    const child = this.#spawn(folder, args)
    const running = new RunningProcess('command', child)
    running.isExpectedToEnd = true
    this.#running.add(running)
    const texts = { stdout: '', stderr: '' }
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      texts.stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      texts.stderr += text
    })
    await running.outputEnded
    const { code } = await running.ended
    this.#running.delete(running)
    return { code: code ?? 1, ...texts }
  }

  /** Asks a process to end, and after a grace ends it. */
  async stop(running: RunningProcess): Promise<Ending> {
    if (running.isOver) return running.ended
    running.signal('SIGTERM')
    const clock = setTimeout(() => running.signal('SIGKILL'), STOP_LIMIT_MS)
    const ending = await running.ended
    clearTimeout(clock)
    return ending
  }

  /** Ends all without asking, and starts no more; for the last moment, when nothing can be awaited. */
  killAll(): void {
    this.#isClosed = true
    for (const running of this.#running) running.signal('SIGKILL')
  }

  /** Resolves when none is left. */
  async allGone(): Promise<void> {
    await Promise.all([...this.#running].map(({ outputEnded }) => outputEnded))
  }

  #spawn(folder: string, args: readonly string[]): ChildProcess {
    if (this.#isClosed) throw new SimulationFailed('the simulation is over')
    const child = spawn(process.execPath, [...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    child.on('error', (cause) => {
      if (child.pid === undefined) this.fail(new SimulationFailed(`a process cannot be started: ${cause.message}`))
    })
    return child
  }
}

/** Null for what is no object in JSON, such as a line that a kill cut short. */
function jsonIn(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? { ...value } : null
  } catch {
    return null
  }
}
