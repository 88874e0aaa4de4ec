/**
 * Stage 3, consistency check. In: signatures over (U2, U3). Out: the quorum certificate, q of them, for everybody.
 */
import { Map as PersistentMap } from 'immutable'
import { verify } from '../../shared/crypto/signatures.ts'
import { isIn } from '../../shared/protocol/ascending.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import type { Reveal } from '../../shared/protocol/reveal.ts'
import { survivorsStatement } from '../../shared/protocol/statements.ts'
import { type Aborted, type AttestingSurvivors, abort, type RevealingShares, stillIn } from './session-state.ts'

/** Refuses the signature unless it is that of survivor `from` over (U2, U3). */
export function checkAttestation(session: AttestingSurvivors, from: number, signature: Uint8Array): void {
  const { roster, bitmaps } = session
  refuseIf(!isIn(session.survivors, from), 'not_in_survivors', `index ${from} is not in U3`)
  refuseIf(
    !verify(
      roster.lines[from - 1]?.signingKey ?? new Uint8Array(0),
      survivorsStatement(roster.digests, bitmaps.shared, bitmaps.survivors),
      signature,
    ),
    'bad_signature',
    `index ${from} signed other survivors`,
  )
}

/** Takes a checked signature. */
export function takeAttestation(session: AttestingSurvivors, from: number, signature: Uint8Array): AttestingSurvivors {
  return { ...session, attestations: session.attestations.set(from, signature) }
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
  const certificate = { ...session.bitmaps, signatures }
  const reveals = PersistentMap<number, Reveal>()
  const awaited = stillIn(session, session.attestations.keys())
  return { ...session, stage: 'reveal-shares', certificate, reveals, awaited }
}
