/**
 * The one place where what went wrong in a call becomes a gRPC status: a refusal with its code, a person's mistake with its
 * words, and of our own faults nothing but that there was one.
 */
import { Metadata, type ServerErrorResponse, status } from '@grpc/grpc-js'
import { ConfigError } from '../../shared/errors.ts'
import { ProtocolError } from '../../shared/protocol/refusal.ts'
import type { Log } from '../../shared/runtime/log.ts'
import { refusalToStatus } from '../../shared/wire/status.ts'
import { CoordinatorStopping } from '../stopping.ts'
import { isDiskFull, StorageFailure, storageFailure } from '../store/storage-failure.ts'

/** Statuses travel in headers, which a peer may bound. */
const MAX_DETAILS = 4000

export function toStatus(error: unknown, log: Log): Partial<ServerErrorResponse> {
  if (error instanceof ProtocolError) return refusalToStatus(error.code, error.message)
  if (error instanceof ConfigError) {
    return { code: status.INVALID_ARGUMENT, details: `${error.code}: ${error.message}`.slice(0, MAX_DETAILS) }
  }
  if (error instanceof StorageFailure || isDiskFull(error)) {
    const failure = storageFailure(error)
    log.error({ code: failure.code, error }, 'what came could not be kept; its sender may send it again')
    const answer = refusalToStatus(failure.code, failure.message)
    const code = failure.code === 'disk_full' ? answer.code : status.UNAVAILABLE
    return { code, details: answer.details, metadata: tryAgainLater() }
  }
  if (error instanceof CoordinatorStopping) return refusalToStatus('shutting_down', error.message)
  if (error instanceof CallEnded) return { code: status.CANCELLED, details: 'the call was cancelled' }
  log.error({ error }, 'a call failed inside the coordinator')
  return refusalToStatus('internal', "the coordinator failed; its operator's log says why")
}

/** Milliseconds until a call that could not be served is worth another try. */
const RETRY_AFTER_MS = 5000

/** The hint that gRPC knows for it. */
function tryAgainLater(): Metadata {
  const metadata = new Metadata()
  metadata.set('grpc-retry-pushback-ms', String(RETRY_AFTER_MS))
  return metadata
}

/** The peer hung up: nobody is left to tell. */
export class CallEnded extends Error {}
