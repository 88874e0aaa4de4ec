/** How far a session is, in numbers: who has answered the present stage, out of how many. */
import { unreachable } from '../../shared/errors.ts'
import type { LiveSession } from '../protocol/session-state.ts'

export interface StageCount {
  readonly stage: LiveSession['stage']
  readonly answered: number
  readonly of: number
}

export function stageCount(session: LiveSession): StageCount {
  const { stage } = session
  switch (session.stage) {
    case 'advertise-keys':
      return { stage, answered: session.entries.size, of: session.setup.targetCohort }
    case 'share-keys':
      return { stage, answered: session.deals.size, of: session.roster.entries.length }
    case 'mask-input':
      return { stage, answered: session.contributions.size, of: session.shared.length }
    case 'attest-survivors':
      return { stage, answered: session.attestations.size, of: session.survivors.length }
    case 'reveal-shares':
      return { stage, answered: session.reveals.size, of: session.attestations.size }
    default:
      return unreachable(session)
  }
}
