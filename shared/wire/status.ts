/**
 * The one place where codes become gRPC statuses and back, and where it is said whether a retry helps. A refusal travels as
 * the status message `code: text`.
 */
import { status } from '@grpc/grpc-js'

/** What a failed call means to its caller. `retry`: the same call may succeed later, unchanged. */
export interface CallFailure {
  readonly code: string
  readonly message: string
  readonly retry: boolean
}

const STATUS_OF: Readonly<Record<string, status>> = {
  identity_mismatch: status.PERMISSION_DENIED,
  unknown_participant: status.PERMISSION_DENIED,
  not_enrolled: status.PERMISSION_DENIED,
  not_permitted: status.PERMISSION_DENIED,
  wire_label_mismatch: status.UNIMPLEMENTED,
  malformed: status.INVALID_ARGUMENT,
  wrong_length: status.INVALID_ARGUMENT,
  bad_plan: status.INVALID_ARGUMENT,
  bad_model: status.INVALID_ARGUMENT,
  not_found: status.NOT_FOUND,
  wrong_session: status.NOT_FOUND,
  conflicting_repeat: status.ALREADY_EXISTS,
  already_exists: status.ALREADY_EXISTS,
  too_busy: status.RESOURCE_EXHAUSTED,
  disk_full: status.RESOURCE_EXHAUSTED,
  too_slow: status.DEADLINE_EXCEEDED,
  shutting_down: status.UNAVAILABLE,
  internal: status.INTERNAL,
}

const RETRYABLE: ReadonlySet<status> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
  status.CANCELLED,
  status.UNKNOWN,
  status.INTERNAL,
])

/** The status of a refusal; codes without a status of their own are failed preconditions. */
export function refusalToStatus(code: string, message: string): { readonly code: status; readonly details: string } {
  return { code: STATUS_OF[code] ?? status.FAILED_PRECONDITION, details: `${code}: ${message}` }
}

/** Reads a failed call: the refusal's code where there is one, else the transport's. */
export function refusalFromError(error: unknown): CallFailure {
  if (!isServiceError(error)) return { code: 'failed', message: String(error), retry: false }
  const refusal = /^([a-z][a-z0-9_]*): ([\s\S]*)$/.exec(error.details)
  const retry = RETRYABLE.has(error.code)
  if (refusal !== null) return { code: refusal[1] ?? 'failed', message: refusal[2] ?? '', retry }
  return { code: (status[error.code] ?? 'unknown').toLowerCase(), message: error.details, retry }
}

function isServiceError(error: unknown): error is { code: status; details: string } {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'number' &&
    'details' in error &&
    typeof error.details === 'string'
  )
}
