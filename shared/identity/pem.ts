/** PEM (RFC 7468) to DER and back, for certificate files. Keys are left to node:crypto, which reads their PEM itself. */

const BLOCK = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g

/** Returns the DER of every CERTIFICATE block in `text`, in order; other text between blocks is ignored. */
export function certificatesFromPem(text: string): readonly Uint8Array[] {
  return [...text.matchAll(BLOCK)].map(([, body = '']) => new Uint8Array(Buffer.from(body, 'base64')))
}

/** Writes DER certificates as PEM blocks, in order, one newline after each. */
export function certificatesToPem(chain: readonly Uint8Array[]): string {
  return chain.map(certificateToPem).join('')
}

function certificateToPem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
