/**
 * The HTTP/2 receive window, which bounds both upload speed over a long line (window per round trip) and the memory a
 * peer can fill. It is small by default and wide while an upload slot is held. grpc-js 1.14 has no setting for it on the
 * server side (grpc/grpc-node#3058), so the HTTP/2 server it makes for injected connections is given one here.
 */
import http2, { type ServerHttp2Session } from 'node:http2'
import { type ConnectionInjector, type Server, ServerCredentials } from '@grpc/grpc-js'
import { invariant } from '../errors.ts'

/** Bytes a peer may send unread: on one stream, and on its whole connection. */
export interface ReceiveWindow {
  readonly streamBytes: number
  readonly connectionBytes: number
}

export const NARROW_WINDOW: ReceiveWindow = { streamBytes: 64 * 1024, connectionBytes: 1024 * 1024 }
export const WIDE_WINDOW: ReceiveWindow = { streamBytes: 4 * 1024 * 1024, connectionBytes: 16 * 1024 * 1024 }

/** Header bytes of one request; grpc metadata of ours takes a few hundred. */
const MAX_HEADER_BYTES = 16 * 1024

/**
 * Makes a connection injector of `server` whose sessions begin with the narrow window; `onSession` gets each session
 * before its first request. The only change to a module of Node lasts for one synchronous call and is then undone.
 */
export function createNarrowInjector(
  server: Server,
  onSession: (session: ServerHttp2Session) => void,
): ConnectionInjector {
  const original = http2.createServer
  let made = 0
  const narrowed = (options: http2.ServerOptions) => {
    made += 1
    const settings = {
      ...options.settings,
      initialWindowSize: NARROW_WINDOW.streamBytes,
      maxHeaderListSize: MAX_HEADER_BYTES,
      enablePush: false,
    }
    const http2Server = original({ ...options, settings })
    http2Server.on('session', (session) => {
      session.setLocalWindowSize(NARROW_WINDOW.connectionBytes)
      onSession(session)
    })
    return http2Server
  }
  http2.createServer = narrowed as typeof original
  try {
    return server.createConnectionInjector(ServerCredentials.createInsecure())
  } finally {
    http2.createServer = original
    invariant(made === 1, 'grpc-js no longer makes its HTTP/2 server through http2.createServer')
  }
}

/** Gives every stream of `session`, present and future, the sizes of `window`. Does nothing to a session that ended. */
export function setReceiveWindow(session: ServerHttp2Session, window: ReceiveWindow): void {
  if (session.destroyed || session.closed) return
  session.setLocalWindowSize(window.connectionBytes)
  session.settings({ initialWindowSize: window.streamBytes })
}
