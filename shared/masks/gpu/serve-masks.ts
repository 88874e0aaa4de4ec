/**
 * The GPU child's work: opens the GPU, says what it found, and answers jobs in order until its input ends, which it does
 * when the parent closes it or dies. Any failure is told and ends the process; the parent starts another one or none.
 */
import type { Readable, Writable } from 'node:stream'
import { secretBytes, wipe } from '../../crypto/secrets.ts'
import type { Gpu } from './adapter.ts'
import { BlockSums } from './block-sums.ts'
import { FRAME, FrameReader, frameHeader, readJob } from './frames.ts'
import { GpuFailure } from './gpu-failure.ts'

export interface MaskService {
  readonly input: Readable
  readonly output: Writable
  readonly kernel: string
  /** Opens the GPU, or rejects with GpuFailure. */
  readonly open: () => Promise<Gpu>
  /** Ends the process. */
  readonly exit: (code: number) => void
}

/** Serves until the input ends. Never rejects. */
export async function serveMasks({ input, output, kernel, open, exit }: MaskService): Promise<void> {
  const cancelled = new Set<number>()
  const fail = async (cause: unknown) => {
    const { code, message } = cause instanceof GpuFailure ? cause : { code: 'gpu_error', message: String(cause) }
    const payload = Buffer.from(JSON.stringify({ code, message }))
    await send(output, { kind: FRAME.failure, job: 0, argument: 0 }, payload)
    exit(1)
  }
  let sums: BlockSums | undefined
  let work: Promise<void> = Promise.resolve()
  // Reads from the start, so that a parent that goes while the GPU opens is noticed.
  const frames = new FrameReader({
    begin: ({ payloadBytes }) => secretBytes(payloadBytes),
    end: ({ kind, job }, payload) => {
      if (kind === FRAME.cancel) cancelled.add(job)
      if (kind === FRAME.job && payload !== undefined) work = work.then(() => answer(job, payload)).catch(fail)
    },
  })
  input.on('data', (chunk: Uint8Array) => frames.push(chunk))
  input.on('end', () => exit(0))
  input.on('error', () => exit(0))
  output.on('error', () => exit(0))

  work = work.then(async () => {
    const gpu = await open()
    gpu.device.lost.then(({ reason, message }) => fail(new GpuFailure('device_lost', `${reason}: ${message}`)))
    sums = new BlockSums(gpu, kernel)
    const payload = Buffer.from(JSON.stringify(gpu.report))
    await send(output, { kind: FRAME.ready, job: 0, argument: 0 }, payload)
  })
  await work.catch(fail)

  async function answer(job: number, payload: Uint8Array): Promise<void> {
    const watch = {
      isCancelled: () => cancelled.has(job),
      onProgress: (done: number, total: number) => {
        const argument = Math.floor((1000 * done) / total)
        output.write(frameHeader({ kind: FRAME.progress, job, payloadBytes: 0, argument }))
      },
    }
    try {
      await sums?.run(readJob(payload), watch, (sum) => send(output, { kind: FRAME.sum, job, argument: 0 }, sum))
    } finally {
      wipe(payload)
      cancelled.delete(job)
    }
  }
}

/** Resolves when the pipe has taken everything, so that the payload's memory may go. */
function send(
  output: Writable,
  header: { readonly kind: 3 | 5 | 6; readonly job: number; readonly argument: number },
  payload: Uint8Array,
): Promise<void> {
  output.write(frameHeader({ ...header, payloadBytes: payload.byteLength }))
  return new Promise((resolve) => output.write(payload, () => resolve()))
}
