/** What became of everybody who misbehaved: which check caught it, and who made that check. */
import type { CoordinatorSession } from '../coordinator/protocol/session-state.ts'
import type { Fate, Misbehaviour } from './fates.ts'
import { idAtPlace } from './plan.ts'

export interface Caught {
  readonly participant: string
  readonly misbehaviour: Misbehaviour
  /** The refusal code; `no_share` for signed complaints; null when nobody noticed, or it never came to it. */
  readonly code: string | null
  /** `coordinator`, or so many holders. */
  readonly by: string | null
  /** Whether the session's record blames it by name: it is left out of the next one. */
  readonly named: boolean
}

export function whatWasCaught(
  fates: readonly Fate[],
  found: { readonly session: CoordinatorSession; readonly rejected: ReadonlyMap<number, string> },
): readonly Caught[] {
  const { session, rejected } = found
  return fates.flatMap((fate, place): readonly Caught[] => {
    if (fate.kind !== 'corrupt') return []
    const participant = idAtPlace(place)
    const about = { participant, misbehaviour: fate.misbehaviour, named: session.named.has(participant) }
    const code = rejected.get(place)
    if (code !== undefined) return [{ ...about, code, by: 'coordinator' }]
    const complainers = complainersAbout(session, participant)
    if (complainers > 0) return [{ ...about, code: 'no_share', by: `${complainers} of its holders` }]
    return [{ ...about, code: null, by: null }]
  })
}

function complainersAbout(session: CoordinatorSession, spiffeId: string): number {
  if (!('complaints' in session)) return 0
  const index = session.roster.indices.get(spiffeId)
  return [...session.complaints.values()].filter(({ owner }) => owner === index).length
}
