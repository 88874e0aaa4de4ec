/**
 * The gate every call passes: it finds the call's authenticated connection, checks that its certificate is still valid
 * and that the peer is still authorised, and ties the two for `peerSpiffeId`. What is refused never reaches a handler.
 */
import {
  Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  status,
} from '@grpc/grpc-js'
import { bindCall, type PeerConnection } from './peer-connection.ts'
import { UndecodedRequest } from './undecoded-request.ts'

/** Says whether a workload may use this server now; called for each connection and each call, so quick and pure. */
export type Authorise = (
  spiffeId: string,
) => { readonly ok: true } | { readonly ok: false; readonly code: string; readonly message: string }

/** The trailing metadata key under which a refusal's stable code travels. */
export const REFUSAL_CODE_KEY = 'blindsum-code'

/** Makes the interceptor. `connectionAt` finds the live connection from a peer's address and port. */
export function peerInterceptor(gate: {
  readonly connectionAt: (address: string) => PeerConnection | undefined
  readonly authorise: Authorise
  readonly onRefusal: (spiffeId: string, code: string, message: string) => void
}): ServerInterceptor {
  return (_method, call) =>
    new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, forward) => {
            const connection = gate.connectionAt(call.getPeer())
            if (connection === undefined || !isSameSocket(call, connection)) {
              refuse(call, status.UNAUTHENTICATED, { code: 'connection_closed', message: 'the connection has ended' })
              return
            }
            if (Date.now() > connection.notAfterMs) {
              const message = `the certificate of ${connection.spiffeId} expired during the connection`
              gate.onRefusal(connection.spiffeId, 'certificate_expired', message)
              refuse(call, status.UNAUTHENTICATED, { code: 'certificate_expired', message })
              return
            }
            const verdict = gate.authorise(connection.spiffeId)
            if (!verdict.ok) {
              gate.onRefusal(connection.spiffeId, verdict.code, verdict.message)
              refuse(call, status.PERMISSION_DENIED, verdict)
              return
            }
            bindCall(metadata, connection)
            forward(metadata)
          },
          onReceiveMessage: (message, forward) => {
            if (message instanceof UndecodedRequest) call.sendStatus({ code: message.code, details: message.details })
            else forward(message)
          },
        }),
    })
}

/** An address could have been taken over by a newer socket: the leaf on the call's own socket must be the same too. */
function isSameSocket(call: ServerInterceptingCallInterface, connection: PeerConnection): boolean {
  try {
    const presented = call.getAuthContext().sslPeerCertificate?.raw
    const [leaf] = connection.chain
    return presented !== undefined && leaf !== undefined && presented.equals(leaf)
  } catch {
    return false
  }
}

function refuse(
  call: ServerInterceptingCallInterface,
  code: status,
  reason: { readonly code: string; readonly message: string },
): void {
  const metadata = new Metadata()
  metadata.set(REFUSAL_CODE_KEY, reason.code)
  call.sendStatus({ code, details: reason.message, metadata })
}
