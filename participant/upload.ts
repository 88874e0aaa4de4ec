/**
 * Stage 2's upload: the fixed bytes of the masked input, from whatever offset the coordinator has, then the receipt. After a
 * cut it asks how far the coordinator got and goes on from there with the same bytes; it honours back-pressure, and a stream
 * that makes no progress is cut and begun again. Ends when everything is acknowledged, never silently.
 */
import { once } from 'node:events'
import { type ClientWritableStream, Metadata, type ServiceError } from '@grpc/grpc-js'
import type { Log } from '../shared/runtime/log.ts'
import type { UploadPart, UploadProgress } from '../shared/wire/generated/blindsum/v1/secure_aggregation.ts'
import { CallRefused, untilAnswered } from './calls.ts'
import type { Connection } from './connection.ts'
import type { Contribution } from './protocol/session-state.ts'

const CHUNK_BYTES = 1024 * 1024
/** A stream without progress for so long is begun again. Long: it may be waiting for a place; keepalive finds dead peers. */
const STALL_MS = 300_000

export interface UploadRequest {
  readonly connection: Connection
  readonly sessionId: Uint8Array
  readonly bytes: Uint8Array
  /** How many of the bytes are final, once there are more than so many or all. Left out: all are. */
  readonly readyBytes?: (moreThan: number) => Promise<number>
  /** Waited for once the last byte is sent. */
  readonly contribution: Contribution | Promise<Contribution>
  /** Waited for after every chunk that another one follows. */
  readonly betweenChunks?: () => Promise<void>
  readonly log: Log
  readonly signal: AbortSignal
}

/** Resolves once the coordinator has every byte and the receipt. @throws CallRefused; the signal's reason when aborted. */
export async function uploadMaskedInput(request: UploadRequest): Promise<void> {
  const { connection, sessionId, bytes, log, signal } = request
  await untilAnswered(async () => {
    const status = await connection.callOnce((client) => client.uploadStatus.bind(client), { sessionId }, { signal })
    if (status.complete) return
    const offset = status.acknowledgedBytes
    if (offset > bytes.length) {
      throw new CallRefused('wrong_length', `the coordinator claims ${offset} bytes of ${bytes.length}`)
    }
    if (offset > 0) log.debug({ offset, bytes: bytes.length }, 'upload resumed')
    const answer = await stream(request, offset)
    if (!answer.complete) throw new CallRefused('upload_not_acknowledged', 'the coordinator did not count the upload')
  }, signal)
}

/** One stream: header, chunks, receipt, answer. Rejects with grpc's error. */
async function stream(request: UploadRequest, offset: number): Promise<UploadProgress> {
  const { connection, sessionId, bytes, readyBytes, contribution, betweenChunks, signal } = request
  // The coordinator has few places for uploads: none is taken before there is something to send.
  let ready = readyBytes === undefined ? bytes.length : await readyBytes(Math.min(offset, bytes.length - 1))
  signal.throwIfAborted()
  let settle: (error: ServiceError | null, answer: UploadProgress) => void = () => {}
  const answered = new Promise<UploadProgress>((resolve, reject) => {
    settle = (error, answer) => (error === null ? resolve(answer) : reject(error))
  })
  // An early answer waits to be looked at; its rejection is not an accident.
  let isAnswered = false
  const settled = answered
    .then(
      () => {},
      () => {},
    )
    .finally(() => {
      isAnswered = true
    })
  const call = connection.client().uploadMaskedInput(new Metadata(), {}, (error, answer) => settle(error, answer))
  call.on('error', () => {})
  const cancel = () => call.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  let stalled = setTimeout(cancel, STALL_MS)
  const send = async (part: NonNullable<UploadPart['part']>) => {
    await write(call, { part }, answered)
    clearTimeout(stalled)
    stalled = setTimeout(cancel, STALL_MS)
  }
  try {
    await send({ $case: 'header', value: { sessionId, totalBytes: bytes.length, offset } })
    for (let at = offset; at < bytes.length && !isAnswered; at += CHUNK_BYTES) {
      const end = Math.min(at + CHUNK_BYTES, bytes.length)
      while (ready < end && !isAnswered) ready = (await Promise.race([readyBytes?.(ready), settled])) ?? ready
      if (isAnswered) break
      await send({ $case: 'chunk', value: bytes.subarray(at, end) })
      if (end < bytes.length) await betweenChunks?.()
    }
    const receipt = await Promise.race([contribution, settled])
    if (!isAnswered && receipt !== undefined) await send({ $case: 'contribution', value: { ...receipt } })
    call.end()
    return await answered
  } catch (error) {
    call.cancel()
    throw error
  } finally {
    clearTimeout(stalled)
    signal.removeEventListener('abort', cancel)
  }
}

/** Writes one part and waits until there is room for the next, or until the call has been answered. */
async function write(
  call: ClientWritableStream<UploadPart>,
  part: UploadPart,
  answered: Promise<UploadProgress>,
): Promise<void> {
  if (call.write(part)) return
  const room = new AbortController()
  const drained = once(call, 'drain', { signal: room.signal }).catch(() => {})
  try {
    await Promise.race([drained, answered])
  } finally {
    room.abort()
  }
}
