/** The figures that bound what a peer can make us hold, on both sides of a connection. */

/** Largest request: a 1 MiB chunk, or a plan, and 64 KiB around it. */
export const MAX_MESSAGE_BYTES = 2 * 1024 * 1024 + 64 * 1024
/** Largest reply: a roster of 10 000 with the entries of 2 000 neighbours, at 3 KiB each. */
export const MAX_REPLY_BYTES = 8 * 1024 * 1024
/** Calls at once over one connection: an agent attends, downloads or uploads, and says one thing more. */
export const MAX_CONCURRENT_STREAMS = 8

/** What one server accepts. Connections are counted; times are milliseconds. */
export interface ServerLimits {
  /** Sockets in all, and those that have not finished their TLS handshake. */
  readonly maxConnections: number
  readonly maxHandshakes: number
  /**
   * Sockets with one SPIFFE ID, so that one participant cannot take every place. An unfinished message is held outside the
   * receive window: a peer can make the server keep this times the streams times the largest message, 66 MiB.
   */
  readonly maxConnectionsPerPeer: number
  readonly handshakeTimeoutMs: number
  /** A request that is one message has to be whole by then, or its stream is ended. */
  readonly requestDeadlineMs: number
  /** A connection without a call for this long is closed. */
  readonly idleTimeoutMs: number
  readonly keepaliveTimeMs: number
  readonly keepaliveTimeoutMs: number
}

export const DEFAULT_SERVER_LIMITS: ServerLimits = {
  maxConnections: 4096,
  maxHandshakes: 256,
  maxConnectionsPerPeer: 4,
  handshakeTimeoutMs: 10_000,
  requestDeadlineMs: 30_000,
  idleTimeoutMs: 30 * 60_000,
  keepaliveTimeMs: 60_000,
  keepaliveTimeoutMs: 20_000,
}
