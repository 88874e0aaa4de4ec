/**
 * DSSE v1.0.2: what a signature covers is the payload behind its type and both lengths, so that bytes signed as one type
 * are never read as another. Source: https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md
 */

/** Payload type of in-toto statements. */
export const IN_TOTO_PAYLOAD_TYPE = 'application/vnd.in-toto+json'

/** An envelope with its payload decoded. One signature, as a Sigstore bundle demands: ASN.1 DER of an ECDSA signature. */
export interface DsseEnvelope {
  readonly payloadType: typeof IN_TOTO_PAYLOAD_TYPE
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

/** PAE: "DSSEv1" SP len(type) SP type SP len(payload) SP payload, lengths in bytes as decimal text. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const text = new TextEncoder()
  const typeLength = text.encode(payloadType).length
  const head = text.encode(`DSSEv1 ${typeLength} ${payloadType} ${payload.length} `)
  const out = new Uint8Array(head.length + payload.length)
  out.set(head)
  out.set(payload, head.length)
  return out
}
