/**
 * One authenticated connection: whose it is, until when, and how many calls hold its window wide. Calls find their
 * connection through the request metadata object that the server's interceptor saw at the call's start; a peer cannot
 * forge that, and nothing outside this folder can make one.
 */
import type { ServerHttp2Session } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { Metadata } from '@grpc/grpc-js'
import { invariant } from '../errors.ts'
import { NARROW_WINDOW, setReceiveWindow, WIDE_WINDOW } from './receive-window.ts'

/** A connection whose certificate chain was accepted. `session` is null until HTTP/2 has begun. */
export interface PeerConnection {
  readonly spiffeId: string
  readonly chain: readonly Uint8Array[]
  readonly socket: TLSSocket
  readonly address: string
  notAfterMs: number
  session: ServerHttp2Session | null
  wideHolders: number
}

/** Any server call: all four kinds have the metadata their request came with. */
export interface CallWithMetadata {
  readonly metadata: Metadata
}

const connectionsByMetadata = new WeakMap<Metadata, PeerConnection>()

/** Ties a call, by its request metadata, to the connection it came over. */
export function bindCall(metadata: Metadata, connection: PeerConnection): void {
  connectionsByMetadata.set(metadata, connection)
}

/** The SPIFFE ID of the connection `call` came over. Only for calls of a server started by `startMtlsServer`. */
export function peerSpiffeId(call: CallWithMetadata): string {
  return connectionOf(call).spiffeId
}

/**
 * Widens the receive window of the call's connection, to be called when the call is given an upload slot. Each call of
 * it is paired with one {@link narrowWindow}.
 */
export function widenWindow(call: CallWithMetadata): void {
  const connection = connectionOf(call)
  connection.wideHolders += 1
  if (connection.wideHolders === 1 && connection.session) setReceiveWindow(connection.session, WIDE_WINDOW)
}

/** Ends one {@link widenWindow}; the last narrows the connection's window again. */
export function narrowWindow(call: CallWithMetadata): void {
  const connection = connectionOf(call)
  invariant(connection.wideHolders > 0, 'narrowWindow without widenWindow')
  connection.wideHolders -= 1
  if (connection.wideHolders === 0 && connection.session) setReceiveWindow(connection.session, NARROW_WINDOW)
}

function connectionOf(call: CallWithMetadata): PeerConnection {
  const connection = connectionsByMetadata.get(call.metadata)
  invariant(connection !== undefined, 'the call did not come through an mTLS server of ours')
  return connection
}
