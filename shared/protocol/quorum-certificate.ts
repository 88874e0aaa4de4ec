/**
 * The quorum certificate: q signatures by members of U3 over one (U2, U3), the same bytes for everybody. Two certificates
 * over different sets would need more than n + C signatures, so a session has one U2 and one U3 for everyone.
 */
import { verify } from '../crypto/signatures.ts'
import { decodeBitmap } from './bitmap.ts'
import type { SessionDigests } from './deal.ts'
import type { RosterLine } from './roster.ts'
import { survivorsStatement } from './statements.ts'

/** Signatures in strictly increasing index order. */
export interface QuorumCertificate {
  readonly shared: Uint8Array
  readonly survivors: Uint8Array
  readonly signatures: readonly { readonly index: number; readonly signature: Uint8Array }[]
}

/** Why the certificate does not hold, in words, or `null` when it does. */
export function quorumCertificateFlaw(
  certificate: QuorumCertificate,
  session: { readonly digests: SessionDigests; readonly roster: readonly RosterLine[]; readonly quorum: number },
): string | null {
  const { digests, roster, quorum } = session
  const survivors = decodeBitmap(certificate.survivors, roster.length)
  if (survivors === null || decodeBitmap(certificate.shared, roster.length) === null) return 'bitmap of another size'
  if (certificate.signatures.length !== quorum) {
    return `${certificate.signatures.length} signatures where the quorum is ${quorum}`
  }
  const statement = survivorsStatement(digests, certificate.shared, certificate.survivors)
  const members = new Set(survivors)
  let previous = 0
  for (const { index, signature } of certificate.signatures) {
    if (index <= previous) return `index ${index} after ${previous}: indices must increase`
    previous = index
    const line = roster[index - 1]
    if (line === undefined || !members.has(index)) return `signer ${index} is not a survivor`
    if (!verify(line.signingKey, statement, signature)) return `the signature of ${index} does not verify`
  }
  return null
}
