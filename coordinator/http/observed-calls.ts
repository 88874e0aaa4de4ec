/**
 * A service whose calls are counted: how many are under way, how they ended, how long they took, how many bytes came. By
 * method, never by caller. What the gate before the service refuses is not among them.
 *
 * Streams that stay open by their nature are known here too, so that they can be ended when the coordinator stops: nothing
 * else would end them.
 */
import {
  type ServiceDefinition,
  type sendUnaryData,
  status,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { refusalToStatus } from '../../shared/wire/status.ts'
import type { Metrics } from './metrics.ts'

export interface ObservedService {
  readonly service: readonly [ServiceDefinition, UntypedServiceImplementation]
  /** Ends the streams that stay open: their callers are told that the coordinator stops. */
  endStreams(): void
}

/** What of a call is used here: all four kinds have it. */
interface AnyCall {
  emit(event: 'error', error: object): boolean
  once(event: string, listener: (error?: { readonly code?: unknown }) => void): unknown
}

/** Methods whose calls last until somebody ends them. */
const STAYS_OPEN: ReadonlySet<string> = new Set(['attend', 'watchRun', 'watch'])
const UPLOAD = 'uploadMaskedInput'

export function observedService(
  [definition, implementation]: readonly [ServiceDefinition, UntypedServiceImplementation],
  metrics: Metrics,
): ObservedService {
  const open = new Set<AnyCall>()
  const methods = Object.entries(definition).map(([method, described]) => {
    const service = described.path.split('/')[1] ?? ''
    const requestDeserialize = (bytes: Buffer) => {
      metrics.count('blindsum_request_bytes_total', { service, method }, bytes.length)
      if (method === UPLOAD) metrics.count('blindsum_upload_bytes_total', {}, bytes.length)
      return described.requestDeserialize(bytes)
    }
    return [method, { ...described, requestDeserialize }] as const
  })
  const handlers = methods.map(([method, described]) => {
    const handle = implementation[method]
    const service = described.path.split('/')[1] ?? ''
    const observed = (call: AnyCall, callback?: sendUnaryData<unknown>) => {
      const ended = begin({ service, method }, metrics)
      if (STAYS_OPEN.has(method)) {
        open.add(call)
        call.once('close', () => open.delete(call))
      }
      // Safety: the handler gets the call and callback that gRPC made for its method.
      const run = handle as unknown as (call: AnyCall, callback?: sendUnaryData<unknown>) => void
      call.once('cancelled', () => ended('CANCELLED'))
      if (callback === undefined) {
        call.once('error', (error) => ended(codeOf(error)))
        call.once('finish', () => ended('OK'))
        call.once('close', () => ended('CANCELLED'))
        run(call)
        return
      }
      run(call, (error, ...reply) => {
        ended(error ? codeOf(error) : 'OK')
        callback(error, ...reply)
      })
    }
    return [method, observed as unknown as UntypedHandleCall] as const
  })
  return {
    // Safety: every method is there again, with a decoder and a handler of the same types.
    service: [Object.fromEntries(methods) as ServiceDefinition, Object.fromEntries(handlers)],
    endStreams() {
      for (const call of open) call.emit('error', refusalToStatus('shutting_down', 'the coordinator is stopping'))
    },
  }
}

/** A call has begun; the returned function says how it ended, the first time it is called. */
function begin(of: { readonly service: string; readonly method: string }, metrics: Metrics): (code: string) => void {
  const beganAt = performance.now()
  let isOver = false
  metrics.move('blindsum_calls_active', of, 1)
  return (code) => {
    if (isOver) return
    isOver = true
    metrics.move('blindsum_calls_active', of, -1)
    metrics.count('blindsum_calls_total', { ...of, code })
    if (STAYS_OPEN.has(of.method)) return
    metrics.observe('blindsum_call_seconds', of, (performance.now() - beganAt) / 1000)
  }
}

function codeOf(error: { readonly code?: unknown } | null | undefined): string {
  return (typeof error?.code === 'number' ? status[error.code] : undefined) ?? 'UNKNOWN'
}
