/**
 * The parent's end of the GPU child: starts it, sends jobs, collects sums, and turns whatever ends it into one
 * {@link GpuFailure}. The parent itself never loads Dawn: a native abort costs a child.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex, Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { secretBytes, wipe } from '../../crypto/secrets.ts'
import { siblingModule } from '../../runtime/sibling-module.ts'
import type { AdapterReport } from './adapter.ts'
import { BLOCK_BYTES, type BlockJob, FRAME, type FrameHeader, FrameReader, frameHeader, jobFrame } from './frames.ts'
import { GpuFailure } from './gpu-failure.ts'

export interface GpuProcessOptions {
  /** Tests only: an adapter that computes on the CPU is slower than the CPU engine. */
  readonly allowSoftwareAdapter?: boolean
  /** Longest time without a word from the child while it has something to do. */
  readonly silenceMs?: number
  /** The child's module; another one is for tests. */
  readonly module?: URL
}

export interface JobOptions {
  readonly signal?: AbortSignal | undefined
  /** Told the share that is done, rising to 1. */
  readonly onProgress?: ((share: number) => void) | undefined
}

interface PendingJob {
  readonly sum: Uint8Array<ArrayBuffer>
  readonly onProgress: (share: number) => void
  readonly resolve: (sum: Uint8Array<ArrayBuffer>) => void
  readonly reject: (cause: unknown) => void
}

const SILENCE_MS = 60_000
const KEPT_LINES = 3
/** What the child says in words is a few lines. */
const MOST_WORDS_BYTES = 64 * 1024
/** What drivers and the Vulkan loader read. Nothing else of the environment reaches the child. */
const PASSED_ON =
  /^(VK_|MESA_|LIBGL|GALLIUM_|LP_|NVIDIA_|__GL|CUDA_|DRI_|XDG_|LD_LIBRARY_PATH$|HOME$|TMPDIR$|TZ$|SystemRoot$)/

/** One child. It has ended for good after the first failure. */
export class GpuProcess {
  /** What the child found. Rejects with the child's GpuFailure. Jobs need not wait for it. */
  readonly ready: Promise<AdapterReport>
  readonly #child: ChildProcess
  readonly #input: Writable
  readonly #silenceMs: number
  readonly #jobs = new Map<number, PendingJob>()
  readonly #lastLines: string[] = []
  #lastJob = 0
  #failure: GpuFailure | undefined
  #clock: NodeJS.Timeout | undefined
  #isNotReadyYet = true
  #isReady: (report: AdapterReport) => void = () => {}
  #isNotReady: (failure: GpuFailure) => void = () => {}

  constructor({ allowSoftwareAdapter = false, silenceMs = SILENCE_MS, module }: GpuProcessOptions) {
    this.#silenceMs = silenceMs
    this.ready = new Promise((resolve, reject) => {
      this.#isReady = resolve
      this.#isNotReady = reject
    })
    this.ready.catch(() => {})
    const file = fileURLToPath(module ?? siblingModule(import.meta.url, './mask-gpu-process'))
    this.#child = spawn(process.execPath, [file, ...(allowSoftwareAdapter ? ['--allow-software-adapter'] : [])], {
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
      env: Object.fromEntries(Object.entries(process.env).filter(([name]) => PASSED_ON.test(name))),
    })
    // Safety: `stdio` above says that these three are pipes.
    const [input, , words, output] = this.#child.stdio as unknown as [Writable, null, Readable, Duplex]
    this.#input = input
    const frames = new FrameReader({
      begin: (header) => this.#placeFor(header),
      end: (header, payload) => this.#receive(header, payload),
    })
    output.on('data', (chunk: Uint8Array) => {
      this.#watch()
      frames.push(chunk)
    })
    words.on('data', (chunk: Buffer) => this.#keepLines(chunk.toString()))
    // A child that has gone closes its pipes under what is being written; 'close' then tells how it went.
    for (const pipe of [input, output, words]) pipe.on('error', () => {})
    this.#child.on('error', ({ message }) =>
      this.#end('child_ended', `the GPU process could not be started: ${message}`),
    )
    this.#child.on('close', (code, signal) => {
      const last = this.#lastLines.length > 0 ? `; its last words: ${this.#lastLines.join(' | ')}` : ''
      this.#end('child_ended', `the GPU process ended with ${signal ?? `exit code ${code}`}${last}`)
    })
    this.#watch()
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get hasEnded(): boolean {
    return this.#failure !== undefined
  }

  /**
   * The sum of the job's masks, its blocks × 64 bytes, in memory that becomes the caller's. Rejects with GpuFailure, or
   * with the signal's reason.
   */
  sum(job: BlockJob, { signal, onProgress = () => {} }: JobOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    this.#lastJob += 1
    const id = this.#lastJob
    const abort = () => {
      const pending = this.#jobs.get(id)
      if (pending === undefined) return
      this.#jobs.delete(id)
      wipe(pending.sum)
      this.#input.write(frameHeader({ kind: FRAME.cancel, job: id, payloadBytes: 0, argument: 0 }))
      pending.reject(signal?.reason)
      this.#watch()
    }
    const settled = new Promise<Uint8Array<ArrayBuffer>>((resolve, reject) => {
      this.#jobs.set(id, { sum: secretBytes(job.blocks * BLOCK_BYTES), onProgress, resolve, reject })
    })
    const frame = jobFrame(id, job)
    this.#input.write(frame, () => wipe(frame))
    signal?.addEventListener('abort', abort, { once: true })
    this.#watch()
    return settled.finally(() => signal?.removeEventListener('abort', abort))
  }

  /** Ends the child at once; what it was doing is lost. Harmless when it has ended. */
  kill(): void {
    this.#end('child_ended', 'the GPU process was ended')
  }

  /** Whether the child keeps this process from ending. It does so while it has something to do. */
  #holdParent(busy: boolean): void {
    for (const handle of [this.#child, ...this.#child.stdio]) {
      const held = handle as { ref?: () => void; unref?: () => void } | null
      if (busy) held?.ref?.()
      else held?.unref?.()
    }
  }

  /** Winds the clock: it runs out when the child is silent for too long while somebody waits. */
  #watch(): void {
    clearTimeout(this.#clock)
    const waiting = this.#jobs.size > 0 || (this.#isNotReadyYet && this.#failure === undefined)
    this.#holdParent(waiting)
    if (!waiting) return
    this.#clock = setTimeout(
      () => this.#end('timeout', `the GPU process said nothing for ${this.#silenceMs} ms`),
      this.#silenceMs,
    )
  }

  #placeFor({ kind, job, payloadBytes }: FrameHeader): Uint8Array | undefined {
    if (this.#failure !== undefined) return undefined
    if (kind !== FRAME.sum) {
      if (payloadBytes <= MOST_WORDS_BYTES) return new Uint8Array(payloadBytes)
      this.#end('gpu_error', `the GPU process sent a frame of kind ${kind} with ${payloadBytes} bytes`)
      return undefined
    }
    const sum = this.#jobs.get(job)?.sum
    if (sum !== undefined && sum.length !== payloadBytes) {
      this.#end('gpu_error', `the GPU process sent ${payloadBytes} bytes for a sum of ${sum.length}`)
      return undefined
    }
    return sum
  }

  #receive({ kind, job, argument }: FrameHeader, payload: Uint8Array | undefined): void {
    if (this.#failure !== undefined) return
    const pending = this.#jobs.get(job)
    if (kind === FRAME.progress) pending?.onProgress(argument / 1000)
    else if (kind === FRAME.sum && payload !== undefined) {
      // Cancelled while its sum was coming in.
      if (pending === undefined) wipe(payload)
      this.#jobs.delete(job)
      this.#watch()
      pending?.resolve(pending.sum)
    } else if (kind === FRAME.ready) {
      const report = parsed(payload)
      if (!isReport(report)) {
        this.#end('gpu_error', 'the GPU process did not say which adapter it found')
        return
      }
      this.#isNotReadyYet = false
      this.#watch()
      this.#isReady(report)
    } else if (kind === FRAME.failure) {
      const { code, message } = parsed(payload)
      this.#end(FAILURES.find((known) => known === code) ?? 'gpu_error', String(message).slice(0, 1000))
    }
  }

  #end(code: GpuFailure['code'], message: string): void {
    if (this.#failure !== undefined) return
    const failure = new GpuFailure(code, message)
    this.#failure = failure
    this.#isNotReady(failure)
    for (const { reject, sum } of this.#jobs.values()) {
      wipe(sum)
      reject(failure)
    }
    this.#jobs.clear()
    this.#watch()
    this.#child.kill('SIGKILL')
  }

  #keepLines(text: string): void {
    for (const line of text.split('\n').filter((each) => each.trim() !== '' && !/^Warning: maxDynamic/.test(each))) {
      if (this.#lastLines.push(line.slice(0, 300)) > KEPT_LINES) this.#lastLines.shift()
    }
  }
}

/** What the child can find out by itself. */
const FAILURES: readonly GpuFailure['code'][] = [
  'package_missing',
  'no_adapter',
  'software_adapter',
  'device_lost',
  'out_of_memory',
  'gpu_error',
]

/** Empty for what is no JSON object: a broken child ends its job, not this process. */
function parsed(payload: Uint8Array | undefined): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload ?? []).toString())
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

function isReport(value: object): value is AdapterReport {
  const { vendor, architecture, device, description, isSoftware } = value as Partial<Record<string, unknown>>
  const texts = [vendor, architecture, device, description]
  return texts.every((text) => typeof text === 'string') && typeof isSoftware === 'boolean'
}
