/**
 * The decision about one finished TLS handshake: whose connection it is, or why it is refused. HTTP/2 sees a socket only
 * after this said yes.
 */
import type { TLSSocket } from 'node:tls'
import type { TrustBundle } from '../identity/trust-bundle.ts'
import { type SvidRefusal, validateSvid } from '../identity/validate-svid.ts'
import type { PeerConnection } from './peer-connection.ts'
import { presentedChain } from './presented-chain.ts'

export type AdmissionRefusal =
  | SvidRefusal
  | 'connection_closed'
  | 'tls_version_wrong'
  | 'protocol_not_http2'
  | 'session_resumed'
  | 'certificate_missing'

export type Admission =
  | { readonly ok: true; readonly connection: PeerConnection }
  | { readonly ok: false; readonly code: AdmissionRefusal; readonly message: string }

/** Judges the peer of `socket` by `bundle` at `nowMs`. Its certificates are read here, before anything else reads them. */
export function admitPeer(socket: TLSSocket, bundle: TrustBundle, nowMs: number): Admission {
  const address = remoteAddress(socket)
  if (address === null) return refuse('connection_closed', 'the peer closed the connection')
  if (socket.getProtocol() !== 'TLSv1.3')
    return refuse('tls_version_wrong', `TLS 1.3 only, not ${socket.getProtocol()}`)
  if (socket.alpnProtocol !== 'h2') return refuse('protocol_not_http2', 'the peer does not speak HTTP/2')
  if (socket.isSessionReused()) return refuse('session_resumed', 'a resumed TLS session presents no certificate')
  const chain = presentedChain(socket.getPeerCertificate(true))
  if (chain.length === 0) return refuse('certificate_missing', 'the peer presented no certificate')
  const verdict = validateSvid(chain, bundle, nowMs)
  if (!verdict.ok) return refuse(verdict.code, verdict.message)
  // Safety: OpenSSL was told not to judge; this is our judgement, in the field by which grpc-js tells a known peer.
  socket.authorized = true
  const { spiffeId, notAfterMs } = verdict
  return { ok: true, connection: { spiffeId, chain, socket, address, notAfterMs, session: null, wideHolders: 0 } }
}

/** `address:port` of a socket's peer, written as grpc-js writes it, or null once the socket is gone. */
export function remoteAddress(socket: {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}): string | null {
  return socket.remoteAddress === undefined ? null : `${socket.remoteAddress}:${socket.remotePort}`
}

function refuse(code: AdmissionRefusal, message: string): Admission {
  return { ok: false, code, message }
}
