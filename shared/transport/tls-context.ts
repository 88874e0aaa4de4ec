/**
 * The TLS settings of both sides: TLS 1.3 only, our chain and key, no session resumption. OpenSSL proves that the peer
 * holds its key; whether its chain is good is for `validateSvid` alone to say on the server, and again on the client.
 */
import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { certificatesToPem } from '../identity/pem.ts'
import type { WorkloadIdentity } from './identity-source.ts'

/**
 * Options for a server's context. Deviation: `minVersion` is repeated on every rotation, because Node's
 * `setSecureContext` without it admits TLS 1.2 again.
 */
export function secureContextOptions(identity: WorkloadIdentity): SecureContextOptions {
  return {
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    key: identity.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: certificatesToPem(identity.chain),
    ca: identity.bundle.authorities.map((der) => certificatesToPem([der])),
    allowPartialTrustChain: true,
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
}

/** A client's context. */
export function clientSecureContext(identity: WorkloadIdentity): SecureContext {
  return createSecureContext(secureContextOptions(identity))
}
