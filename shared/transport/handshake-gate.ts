/**
 * The front door: takes TCP connections, bounds how many there are and how many may be in their TLS handshake, and hands
 * them to the TLS server, which itself listens on nothing. A flood of silent sockets costs a bounded number of places for
 * a bounded time.
 */
import { createServer, type Server, type Socket } from 'node:net'
import type { Server as TlsServer } from 'node:tls'
import { remoteAddress } from './admit-peer.ts'
import type { ServerLimits } from './limits.ts'

export interface HandshakeGate {
  /** Listen on this and close this. */
  readonly netServer: Server
  /** To be told once the handshake of the peer at `address` is over. */
  finished(address: string): void
  /** Ends every handshake under way. */
  cutAll(): void
}

/** Puts a gate before `tlsServer`; `onFailure` hears of each handshake that failed. */
export function handshakeGate(
  tlsServer: TlsServer,
  limits: Pick<ServerLimits, 'maxConnections' | 'maxHandshakes'>,
  onFailure: (code: string, address: string | null) => void,
): HandshakeGate {
  const underWay = new Map<string, Socket>()
  const netServer = createServer({ noDelay: true }, (socket) => {
    const address = remoteAddress(socket)
    if (address === null) {
      socket.destroy()
      return
    }
    // An honest handshake takes milliseconds, so when places run out the oldest one is the least likely to be honest.
    if (underWay.size >= limits.maxHandshakes) cutOldest(underWay)
    underWay.set(address, socket)
    socket.once('close', () => {
      if (underWay.get(address) === socket) underWay.delete(address)
    })
    tlsServer.emit('connection', socket)
  })
  netServer.maxConnections = limits.maxConnections
  tlsServer.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    onFailure(error.code ?? 'tls_failed', remoteAddress(socket))
    // Node reports a handshake that took too long but leaves its socket open.
    socket.destroy()
  })
  return {
    netServer,
    finished: (address) => underWay.delete(address),
    cutAll: () => {
      for (const socket of underWay.values()) socket.destroy()
    },
  }
}

function cutOldest(underWay: Map<string, Socket>): void {
  for (const [address, socket] of underWay) {
    underWay.delete(address)
    socket.destroy()
    return
  }
}
