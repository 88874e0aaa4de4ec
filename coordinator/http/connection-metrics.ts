/**
 * How many connections each listener of this process has, and which it refused. Sockets are seen where Node announces every
 * accepted one, before anything of ours has looked at them, so that those which never get through a handshake count as well.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import type { TransportLog } from '../../shared/transport/mtls-server.ts'
import type { Metrics } from './metrics.ts'

const CHANNEL = 'net.server.socket'

/** Counts until the returned function is called. `listenerOf` names the listener of a local port; null is none of ours. */
export function measureConnections(listenerOf: (localPort: number) => string | null, metrics: Metrics): () => void {
  const seen = (message: unknown) => {
    // Safety: what Node publishes on this channel.
    const { socket } = message as { readonly socket: Socket }
    const listener = listenerOf(socket.localPort ?? 0)
    if (listener === null) return
    metrics.count('blindsum_connections_accepted_total', { listener })
    metrics.move('blindsum_connections', { listener }, 1)
    socket.once('close', () => metrics.move('blindsum_connections', { listener }, -1))
  }
  subscribe(CHANNEL, seen)
  return () => void unsubscribe(CHANNEL, seen)
}

/** A listener's log that also counts the connections it tells of as refused or cut. */
export function countingRefusals(log: TransportLog, listener: string, metrics: Metrics): TransportLog {
  const count = (fields: object, message: string) => {
    if (!/^(connection (refused|cut)|TLS handshake failed)/.test(message)) return
    const code = 'code' in fields && typeof fields.code === 'string' ? fields.code : 'other'
    metrics.count('blindsum_connections_refused_total', { listener, code })
  }
  return {
    info(fields, message) {
      count(fields, message)
      log.info(fields, message)
    },
    warn(fields, message) {
      count(fields, message)
      log.warn(fields, message)
    },
  }
}
