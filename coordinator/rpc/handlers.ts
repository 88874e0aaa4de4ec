/**
 * From gRPC's callbacks to functions: a handler gets the request and the SPIFFE ID of its connection, returns or throws.
 * Streams honour back-pressure and end when the peer hangs up.
 */
import { type EventEmitter, once } from 'node:events'
import type {
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
} from '@grpc/grpc-js'
import type { Log } from '../../shared/runtime/log.ts'
import { peerSpiffeId } from '../../shared/transport/peer-connection.ts'
import { CallEnded, toStatus } from './call-errors.ts'

export function unary<Request, Reply>(
  log: Log,
  handle: (request: Request, from: string, call: ServerUnaryCall<Request, Reply>) => Promise<Reply> | Reply,
): handleUnaryCall<Request, Reply> {
  return (call, callback) => {
    Promise.resolve()
      .then(() => handle(call.request, peerSpiffeId(call), call))
      .then(
        (reply) => callback(null, reply),
        (error: unknown) => callback(toStatus(error, log)),
      )
  }
}

export function clientStream<Request, Reply>(
  log: Log,
  handle: (call: ServerReadableStream<Request, Reply>, from: string) => Promise<Reply>,
): handleClientStreamingCall<Request, Reply> {
  return (call, callback) => {
    // Safety: without a listener a stream error after the handler's end would end the process.
    call.on('error', () => undefined)
    Promise.resolve()
      .then(() => handle(call, peerSpiffeId(call)))
      .then(
        (reply) => callback(null, reply),
        (error: unknown) => callback(toStatus(error, log)),
      )
  }
}

export function serverStream<Request, Reply>(
  log: Log,
  handle: (request: Request, from: string, call: ServerWritableStream<Request, Reply>) => AsyncIterable<Reply>,
): handleServerStreamingCall<Request, Reply> {
  return (call) => {
    call.on('error', () => undefined)
    Promise.resolve()
      .then(() => sendAll(call, handle(call.request, peerSpiffeId(call), call)))
      .then(
        () => call.end(),
        (error: unknown) => call.emit('error', toStatus(error, log)),
      )
  }
}

/** Aborted when the peer hangs up or the call ends. */
export function endOf(call: EventEmitter & { readonly cancelled: boolean }): AbortSignal {
  const ended = new AbortController()
  const abort = () => ended.abort(new CallEnded('the peer hung up'))
  if (call.cancelled) abort()
  else {
    call.once('cancelled', abort)
    call.once('close', abort)
  }
  return ended.signal
}

async function sendAll<Request, Reply>(
  call: ServerWritableStream<Request, Reply>,
  replies: AsyncIterable<Reply>,
): Promise<void> {
  const ended = endOf(call)
  for await (const reply of replies) {
    ended.throwIfAborted()
    if (call.write(reply)) continue
    await once(call, 'drain', { signal: ended }).catch(() => ended.throwIfAborted())
  }
}
