/**
 * The certificates a TLS peer presented, as DER, leaf first. Node 24.21 drops a client's intermediates on the server
 * side (nodejs/node#65579), and everywhere this must be the first question asked about the peer's certificate.
 */
import type { DetailedPeerCertificate, PeerCertificate } from 'node:tls'
import { MAX_CHAIN_CERTIFICATES } from '../identity/validate-svid.ts'

/**
 * Follows a detailed peer certificate up to its self-signed end; empty if there is none. Stops one certificate beyond
 * what the validator takes, so that an overlong chain is refused and not cut.
 */
export function presentedChain(certificate: DetailedPeerCertificate | PeerCertificate): readonly Uint8Array[] {
  const chain: Uint8Array[] = []
  let current: Partial<DetailedPeerCertificate> | undefined = certificate
  while (current?.raw !== undefined && chain.length <= MAX_CHAIN_CERTIFICATES) {
    chain.push(new Uint8Array(current.raw))
    const issuer: Partial<DetailedPeerCertificate> | undefined = current.issuerCertificate
    current = issuer === current ? undefined : issuer
  }
  return chain
}
