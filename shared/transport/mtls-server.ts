/**
 * A gRPC server behind our own TLS server. A socket goes through handshake, `admitPeer` and the connection limits before
 * gRPC gets it; each call then passes the interceptor's gate. Handlers learn whose call it is from `peerSpiffeId`.
 */
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { Server, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js'
import { admitPeer, remoteAddress } from './admit-peer.ts'
import { type ConnectionTable, connectionTable } from './connection-table.ts'
import { handshakeGate } from './handshake-gate.ts'
import type { IdentitySource } from './identity-source.ts'
import { DEFAULT_SERVER_LIMITS, MAX_CONCURRENT_STREAMS, MAX_MESSAGE_BYTES, type ServerLimits } from './limits.ts'
import { listen } from './listen.ts'
import { type Authorise, peerInterceptor } from './peer-interceptor.ts'
import { createNarrowInjector } from './receive-window.ts'
import { endSlowRequests } from './request-deadline.ts'
import { secureContextOptions } from './tls-context.ts'

/** The part of a pino logger that the transport uses. */
export interface TransportLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface MtlsServerRequest {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  readonly identity: IdentitySource
  readonly authorise: Authorise
  readonly services: readonly (readonly [ServiceDefinition, UntypedServiceImplementation])[]
  readonly log: TransportLog
  readonly limits?: Partial<ServerLimits>
}

export interface MtlsServer {
  readonly port: number
  /** `host:port` as a client would dial it. */
  readonly address: string
  /** Accepts nobody new, lets calls end for `drainMs` milliseconds, then cuts what is left. */
  close(drainMs: number): Promise<void>
}

/** A peer without authorisation may stay this long, so that its calls can be told why. */
const UNAUTHORISED_STAY_MS = 5000

/**
 * Starts a server on `host:port`. Throws ConfigError `port_in_use`, `port_not_permitted` or `host_not_here`. A refused
 * connection is cut, one by an unauthorised workload answers its calls with PERMISSION_DENIED and is cut soon after.
 */
export async function startMtlsServer(request: MtlsServerRequest): Promise<MtlsServer> {
  const { identity, log } = request
  const limits = { ...DEFAULT_SERVER_LIMITS, ...request.limits }
  const connections = connectionTable((connection, code, message) =>
    log.warn({ code, peer: connection.spiffeId, address: connection.address }, `connection cut: ${message}`),
  )
  const grpcServer = makeGrpcServer(request, limits, connections)
  const methods = request.services.flatMap(([definition]) => Object.values(definition))
  const streamingPaths = new Set(methods.filter((method) => method.requestStream).map(({ path }) => path))
  const injector = createNarrowInjector(grpcServer, (session) => {
    const connection = connections.at(remoteAddress(session.socket) ?? '')
    if (connection) connection.session = session
    endSlowRequests(session, { requestDeadlineMs: limits.requestDeadlineMs, streamingPaths })
  })
  const tlsServer = createServer({
    ...secureContextOptions(identity.current()),
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
    handshakeTimeout: limits.handshakeTimeoutMs,
  })
  const gate = handshakeGate(tlsServer, limits, (code, address) => log.info({ code, address }, 'TLS handshake failed'))
  tlsServer.on('secureConnection', (socket: TLSSocket) => {
    socket.on('error', (error) => log.info({ address: remoteAddress(socket) }, `connection lost: ${error.message}`))
    gate.finished(remoteAddress(socket) ?? '')
    const admission = admitPeer(socket, identity.current().bundle, Date.now())
    if (!admission.ok) {
      const fields = { code: admission.code, address: remoteAddress(socket) }
      log.warn(fields, `connection refused: ${admission.message}`)
      socket.destroy()
      return
    }
    const { connection } = admission
    const { spiffeId: peer, address } = connection
    if (connections.countOf(peer) >= limits.maxConnectionsPerPeer) {
      log.warn({ code: 'too_many_connections', peer, address }, 'connection refused: the workload has too many')
      socket.destroy()
      return
    }
    connections.add(connection)
    if (!request.authorise(peer).ok) setTimeout(() => socket.destroy(), UNAUTHORISED_STAY_MS).unref()
    injector.injectConnection(socket)
  })

  const unsubscribe = identity.onChange((changed) => {
    tlsServer.setSecureContext(secureContextOptions(changed))
    connections.judgeAgain(changed.bundle)
    log.info({ spiffeId: changed.spiffeId }, 'now serving with the renewed certificate')
  })
  try {
    await listen(gate.netServer, request)
  } catch (error) {
    unsubscribe()
    grpcServer.forceShutdown()
    throw error
  }
  const { port } = gate.netServer.address() as AddressInfo

  return {
    port,
    address: request.host.includes(':') ? `[${request.host}]:${port}` : `${request.host}:${port}`,
    close: async (drainMs) => {
      unsubscribe()
      const closed = new Promise<void>((resolve) => gate.netServer.close(() => resolve()))
      gate.cutAll()
      injector.drain(drainMs)
      const cut = setTimeout(() => {
        for (const { socket } of connections.all()) socket.destroy()
      }, drainMs)
      await closed
      clearTimeout(cut)
      grpcServer.forceShutdown()
    },
  }
}

function makeGrpcServer(request: MtlsServerRequest, limits: ServerLimits, connections: ConnectionTable): Server {
  const gate = peerInterceptor({
    connectionAt: connections.at,
    authorise: request.authorise,
    onRefusal: (peer, code, message) => request.log.warn({ code, peer }, `call refused: ${message}`),
  })
  const server = new Server({
    interceptors: [gate],
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_concurrent_streams': MAX_CONCURRENT_STREAMS,
    'grpc.keepalive_time_ms': limits.keepaliveTimeMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    'grpc.max_connection_idle_ms': limits.idleTimeoutMs,
    'grpc.enable_channelz': 0,
  })
  for (const [definition, implementation] of request.services) server.addService(definition, implementation)
  return server
}
