/**
 * Stage 3, consistency check. In: signatures over (U2, U3). Out: the quorum certificate, q of them, for everybody.
 */
import { verify } from '../../shared/crypto/signatures.ts'
import { encodeBitmap } from '../../shared/protocol/bitmap.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import { survivorsStatement } from '../../shared/protocol/statements.ts'
import { type Aborted, type AttestingSurvivors, abort, type RevealingShares } from './session-state.ts'

/** U2 and U3 as bitmaps over the roster. */
export function survivorBitmaps(session: Pick<AttestingSurvivors, 'roster' | 'shared' | 'survivors'>) {
  const size = session.roster.entries.length
  return { shared: encodeBitmap(session.shared, size), survivors: encodeBitmap(session.survivors, size) }
}

/** Takes the signature of survivor `from`. */
export function receive(session: AttestingSurvivors, from: number, signature: Uint8Array): AttestingSurvivors {
  const { roster } = session
  refuseIf(!session.survivors.includes(from), 'not_in_survivors', `index ${from} is not in U3`)
  const { shared, survivors } = survivorBitmaps(session)
  refuseIf(
    !verify(
      roster.lines[from - 1]?.signingKey ?? new Uint8Array(0),
      survivorsStatement(roster.digests, shared, survivors),
      signature,
    ),
    'bad_signature',
    `index ${from} signed other survivors`,
  )
  return { ...session, attestations: new Map(session.attestations).set(from, signature) }
}

/** Makes the certificate from the q lowest indices that signed. */
export function close(session: AttestingSurvivors): RevealingShares | Aborted {
  const { quorum } = session.roster.parameters
  const signatures = [...session.attestations]
    .sort(([a], [b]) => a - b)
    .slice(0, quorum)
    .map(([index, signature]) => ({ index, signature }))
  if (signatures.length < quorum) {
    return abort(session, 'too_few_signatures', `${signatures.length} attested the survivors, ${quorum} are needed`)
  }
  const certificate = { ...survivorBitmaps(session), signatures }
  return { ...session, stage: 'reveal-shares', certificate, reveals: new Map() }
}
