/**
 * From a failed call to words a person can act on: what happened, why, what to do. The codes are stable; the texts are
 * for people. Whether trying again may help is part of the answer.
 */
import { type ServiceError, status } from '@grpc/grpc-js'
import { REFUSAL_CODE_KEY } from './peer-interceptor.ts'

export interface TransportFailure {
  /** A code below, the server's own code for a refused call, or `server_certificate_` and a validator's code. */
  readonly code: string
  readonly message: string
  readonly retryMayHelp: boolean
}

/** Explains why a call to `address` failed. `refusal` is our own verdict about the server, if we refused it. */
export function explainFailure(
  error: ServiceError,
  dialled: {
    readonly address: string
    readonly expectedServerId: string
    readonly refusal: { readonly code: string; readonly message: string } | null
  },
): TransportFailure {
  const { address, expectedServerId, refusal } = dialled
  const serverCode = error.metadata?.get(REFUSAL_CODE_KEY)[0]
  if (typeof serverCode === 'string') {
    const retryMayHelp = error.code === status.UNAVAILABLE || error.code === status.RESOURCE_EXHAUSTED
    return { code: serverCode, message: `${address} refused the call: ${error.details}`, retryMayHelp }
  }
  if (error.code !== status.UNAVAILABLE) return explainStatus(error, address)
  if (refusal?.code === 'server_id_wrong') {
    const message = `the server at ${address} is another one: ${refusal.message}; check the address and the configured id`
    return { code: refusal.code, message, retryMayHelp: false }
  }
  if (refusal !== null) {
    const message = `the certificate of the server at ${address} is not accepted: ${refusal.message}`
    return { code: `server_certificate_${refusal.code}`, message, retryMayHelp: refusal.code === 'expired' }
  }
  return explainConnection(error.details, { address, expectedServerId })
}

function explainStatus(error: ServiceError, address: string): TransportFailure {
  if (error.code === status.DEADLINE_EXCEEDED) {
    const message = `${address} did not answer in time: ${error.details}`
    return { code: 'deadline_exceeded', message, retryMayHelp: true }
  }
  const name = (status[error.code] ?? 'UNKNOWN').toLowerCase()
  const retryMayHelp = error.code === status.RESOURCE_EXHAUSTED || error.code === status.ABORTED
  return { code: name, message: `${address} answered ${name}: ${error.details}`, retryMayHelp }
}

/** OpenSSL and the network speak in words only, which grpc-js passes on inside `details`. */
function explainConnection(
  details: string,
  { address, expectedServerId }: { readonly address: string; readonly expectedServerId: string },
): TransportFailure {
  if (/certificate has expired/.test(details)) {
    const message = `the certificate of the server at ${address} has expired; ask its operator to renew it`
    return { code: 'server_certificate_expired', message, retryMayHelp: true }
  }
  if (/certificate is not yet valid/.test(details)) {
    const message = `the certificate of the server at ${address} is not valid yet; compare the clocks of both machines`
    return { code: 'server_certificate_not_yet_valid', message, retryMayHelp: true }
  }
  if (/self[- ]signed certificate|unable to (verify|get)|invalid CA certificate/.test(details)) {
    const message = `the server at ${address} is not certified by the trust bundle of ${expectedServerId}'s trust domain; check the address and the trust bundle`
    return { code: 'server_certificate_issuer_untrusted', message, retryMayHelp: false }
  }
  if (/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|Name resolution failed/.test(details)) {
    const message = `nothing answers at ${address}: is the server running, is the address right, does a firewall stand between? (${details})`
    return { code: 'server_unreachable', message, retryMayHelp: true }
  }
  const message = `the server at ${address} ended the connection: it may be stopping, or refuse this certificate; its log says why (${details})`
  return { code: 'connection_ended', message, retryMayHelp: true }
}
