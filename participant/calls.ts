/**
 * Calls to the coordinator as promises: every one has a deadline and can be aborted, and one that may succeed later is made
 * again after a pause. What cannot succeed is a CallRefused with the coordinator's code.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { CallOptions, ClientUnaryCall, ServiceError } from '@grpc/grpc-js'
import { Metadata } from '@grpc/grpc-js'
import { refusalFromError } from '../shared/wire/status.ts'
import { backoffMs } from './backoff.ts'

/** The coordinator said no, and the same call would get the same answer. `code` is stable. */
export class CallRefused extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CallRefused'
    this.code = code
  }
}

/** A generated client's unary method, bound to its client. */
export type UnaryMethod<Request, Reply> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, reply: Reply) => void,
) => ClientUnaryCall

export const CALL_DEADLINE_MS = 30_000

/** One call. Rejects with grpc's error, or with the signal's reason when aborted. */
export async function callOnce<Request, Reply>(
  method: UnaryMethod<Request, Reply>,
  request: Request,
  options: { readonly signal: AbortSignal; readonly deadlineMs?: number },
): Promise<Reply> {
  const { signal, deadlineMs = CALL_DEADLINE_MS } = options
  signal.throwIfAborted()
  return new Promise<Reply>((resolve, reject) => {
    const call = method(request, new Metadata(), { deadline: Date.now() + deadlineMs }, (error, reply) => {
      signal.removeEventListener('abort', abort)
      if (error === null) resolve(reply)
      else reject(signal.aborted ? signal.reason : error)
    })
    const abort = () => call.cancel()
    signal.addEventListener('abort', abort, { once: true })
  })
}

/**
 * Makes an attempt until it succeeds, with growing pauses, for as long as `signal` allows.
 * @throws CallRefused when trying again cannot help; the signal's reason when aborted.
 */
export async function untilAnswered<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let failures = 0; ; failures += 1) {
    try {
      signal.throwIfAborted()
      return await attempt()
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof CallRefused) throw error
      const failure = refusalFromError(error)
      if (!failure.retry) throw new CallRefused(failure.code, failure.message, { cause: error })
    }
    await pause(backoffMs(failures), undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}
