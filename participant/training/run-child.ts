/**
 * Runs one job in a child process and guards it: memory, wall clock, the caller's signal. Exactly one outcome comes back,
 * and the child is dead by then. The parent never loads onnxruntime: a model that brings the runtime down costs a child.
 */
import { fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { siblingModule } from '../../shared/runtime/sibling-module.ts'
import type { ChildJob, ChildMessage, ChildOutcome } from './child-messages.ts'
import { watchMemory } from './memory-watch.ts'
import type { CheckpointNote, TrainingFailure, TrainingFailureCode, TrainingLimits, TrainingProgress } from './task.ts'

export type ChildRun = {
  readonly job: ChildJob
  readonly limits: TrainingLimits
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: TrainingProgress) => void) | undefined
  readonly onCheckpoint?: ((note: CheckpointNote) => void) | undefined
  /** Receives each line the child writes on stdout or stderr. */
  readonly onLog?: ((line: string) => void) | undefined
}

const MEMORY_POLL_MS = 50
/**
 * Nothing of the agent's environment: a model's graph runs in there. And no word home: the runtime's Linux builds send
 * usage events (machine, model and graph names) to their maker unless told not to.
 */
export const CHILD_ENVIRONMENT = { ORT_DISABLE_TELEMETRY: '1' }
const KEPT_LOG_LINES = 5

/** Spawns the child, waits for its outcome or its end, and kills it whenever a limit is passed. */
export function runChild({ job, limits, signal, onProgress, onCheckpoint, onLog }: ChildRun): Promise<ChildOutcome> {
  if (signal?.aborted) return Promise.resolve(failure('aborted', 'training was cancelled before it began'))
  const heapMiB = Math.max(64, Math.floor(limits.maxMemoryBytes / 2 ** 20))
  const child = fork(fileURLToPath(siblingModule(import.meta.url, './training-child')), [], {
    execPath: process.execPath,
    execArgv: [`--max-old-space-size=${heapMiB}`],
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: CHILD_ENVIRONMENT,
  })
  const lastLines: string[] = []
  const log = (line: string) => {
    if (lastLines.push(line) > KEPT_LOG_LINES) lastLines.shift()
    onLog?.(line)
  }
  for (const stream of [child.stdout, child.stderr]) if (stream) readLines(stream, log)

  return new Promise((resolve) => {
    let outcome: ChildOutcome | undefined
    const end = (decided: ChildOutcome) => {
      outcome ??= decided
      child.kill('SIGKILL')
    }
    const tooMuchMemory = (bytes: number) =>
      end(failure('memory_limit_exceeded', `training used ${bytes} bytes, ${limits.maxMemoryBytes} are allowed`))
    const stopWatching = child.pid
      ? watchMemory(child.pid, { maxBytes: limits.maxMemoryBytes, intervalMs: MEMORY_POLL_MS, exceeded: tooMuchMemory })
      : () => {}
    const clock = setTimeout(
      () => end(failure('time_limit_exceeded', `training took longer than the ${limits.maxMs} ms allowed`)),
      limits.maxMs,
    )
    const abort = () => end(failure('aborted', 'training was cancelled'))
    signal?.addEventListener('abort', abort, { once: true })

    child.on('message', (message: ChildMessage) => {
      if (message.kind === 'outcome') end(message.outcome)
      else if (message.kind === 'checkpoint') onCheckpoint?.(message.note)
      else if (message.residentBytes > limits.maxMemoryBytes) tooMuchMemory(message.residentBytes)
      else onProgress?.(message.progress)
    })
    child.on('error', (cause) => {
      // Also raised when the job cannot be sent because the child died at once; 'close' then tells how.
      log(`training child: ${cause.message}`)
      if (child.pid === undefined) finish(`the training process could not be started: ${cause.message}`)
    })
    child.on('close', (code, signalName) => {
      finish(`the training process ended with ${signalName ?? `exit code ${code}`}`)
    })
    child.send(job, (cause) => {
      if (cause) log(`training child: ${cause.message}`)
    })

    function finish(crash: string): void {
      clearTimeout(clock)
      stopWatching()
      signal?.removeEventListener('abort', abort)
      const tail = lastLines.length > 0 ? `; its last words: ${lastLines.join(' | ')}` : ''
      resolve(outcome ?? failure('child_crashed', crash + tail))
    }
  })
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', onLine)
}

function failure(code: TrainingFailureCode, message: string): TrainingFailure {
  return { ok: false, code, message }
}
