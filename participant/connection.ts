/**
 * The agent's one line to the coordinator: a gRPC client over mutually authenticated TLS, made anew after a certificate
 * rotation and after a failure. Calls begun on the old line may end there. It says in words why the line does not hold.
 */
import type { ServiceError } from '@grpc/grpc-js'
import type { IdentitySource } from '../shared/transport/identity-source.ts'
import { type MtlsChannel, mtlsChannel } from '../shared/transport/mtls-channel.ts'
import { CoordinatorClient } from '../shared/wire/coordinator-client.ts'
import { refusalFromError } from '../shared/wire/status.ts'
import { callOnce, type UnaryMethod, untilAnswered } from './calls.ts'

/** Why the coordinator cannot be attended, in words a person can act on. */
export interface ConnectionFailure {
  readonly code: string
  readonly message: string
}

export interface Connection {
  /** The present client; ask again for every call. */
  client(): CoordinatorClient
  /** One unary call, repeated until it is answered, refused for good (CallRefused) or aborted. */
  call<Request, Reply>(
    method: (client: CoordinatorClient) => UnaryMethod<Request, Reply>,
    request: Request,
    options: CallLimits,
  ): Promise<Reply>
  /** The same, without repetition: rejects with grpc's error. */
  callOnce<Request, Reply>(
    method: (client: CoordinatorClient) => UnaryMethod<Request, Reply>,
    request: Request,
    options: CallLimits,
  ): Promise<Reply>
  /** Dials anew with the identity as it is now. */
  renew(): void
  explain(error: unknown): ConnectionFailure
  close(): void
}

export interface CallLimits {
  readonly signal: AbortSignal
  readonly deadlineMs?: number
}

/** Prepares the line; nothing is dialled before the first call. @throws ConfigError for an unusable address or id. */
export function connectCoordinator(request: {
  readonly address: string
  readonly coordinatorId: string
  readonly identity: IdentitySource
}): Connection {
  const { address, coordinatorId: expectedServerId, identity } = request
  const dial = () => {
    const channel = mtlsChannel({ address, identity, expectedServerId })
    return { channel, client: new CoordinatorClient(channel.target, channel.credentials, channel.options) }
  }
  let line = dial()
  const renew = () => {
    const old = line
    line = dial()
    old.client.close()
  }
  const connection: Connection = {
    client: () => line.client,
    call: (method, message, options) =>
      untilAnswered(() => callOnce(method(line.client), message, options), options.signal),
    callOnce: (method, message, options) => callOnce(method(line.client), message, options),
    renew,
    explain: (error) => explain(error, line.channel, identity),
    close: () => line.client.close(),
  }
  return connection
}

/** Our own expired certificate first: the server only hangs up on it, and cannot tell us. */
function explain(error: unknown, channel: MtlsChannel, identity: IdentitySource): ConnectionFailure {
  const { notAfterMs, spiffeId } = identity.current()
  if (notAfterMs <= Date.now()) {
    const ended = new Date(notAfterMs).toISOString()
    const message = `this site's own certificate (${spiffeId}) expired at ${ended}; have it renewed, a restart is not needed`
    return { code: 'own_certificate_expired', message }
  }
  const refusal = refusalFromError(error)
  // A refusal of the coordinator's, in its own words; what the transport says is explained by the transport.
  if (isServiceError(error) && !refusal.retry && error.details.startsWith(`${refusal.code}: `)) return refusal
  if (isServiceError(error)) return channel.explain(error)
  return { code: refusal.code, message: refusal.message }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error
}
