/**
 * Where the session stands for one participant, derived from the state alone: told at once when it connects, and again
 * whenever the stage changes. A participant that fell out of the session is told that it is over for it.
 */
import { unreachable } from '../../shared/errors.ts'
import { isIn } from '../../shared/protocol/ascending.ts'
import { encodeBitmap } from '../../shared/protocol/bitmap.ts'
import { dealFor } from '../../shared/protocol/deal.ts'
import type { Instruction } from '../../shared/protocol/messages.ts'
import { neighboursOf } from '../../shared/protocol/neighbour-graph.ts'
import { type CollectingMaskedInput, type CoordinatorSession, indexOf, type Roster } from './session-state.ts'

/** The instruction for `spiffeId`, or `null` when it was never part of the session. */
export function instructionFor(session: CoordinatorSession, spiffeId: string): Instruction | null {
  if (!session.setup.expected.has(spiffeId)) return null
  if (session.stage === 'aborted') return over(false, `${session.reason}: ${session.detail}`)
  if (session.withdrawn.has(spiffeId)) return over(false, 'withdrawn')
  if (session.named.has(spiffeId)) return over(false, 'left out of the session')
  if (session.stage === 'advertise-keys') {
    const full = session.entries.size >= session.setup.targetCohort && !session.entries.has(spiffeId)
    return full ? over(false, 'the cohort is complete') : { kind: 'advertise-keys' }
  }
  const index = indexOf(session.roster, spiffeId)
  if (index === null) return over(false, 'not in the roster: the keys came after stage 0 had closed')
  switch (session.stage) {
    case 'share-keys':
      return shareKeys(session.roster, index)
    case 'mask-input': {
      if (!isIn(session.shared, index)) return over(false, notInU2(session, index))
      const deals = neighboursOf(session.roster.graph, index)
        .filter((owner) => isIn(session.shared, owner))
        .flatMap((owner) => {
          const deal = session.deals.get(owner)
          const part = deal === undefined ? null : dealFor(deal, index)
          return part === null ? [] : [part]
        })
      return { kind: 'mask-input', shared: encodeBitmap(session.shared, session.roster.entries.length), deals }
    }
    case 'attest-survivors':
      if (!isIn(session.survivors, index))
        return over(false, 'not in U3: the masked input came after stage 2 had closed')
      return { kind: 'attest-survivors', survivors: session.bitmaps.survivors }
    case 'reveal-shares':
      if (!session.attestations.has(index)) return over(false, 'the survivors were not attested in time')
      return { kind: 'reveal-shares', certificate: session.certificate }
    case 'completed':
      return over(true, '')
    default:
      return unreachable(session)
  }
}

function shareKeys(roster: Roster, index: number): Instruction {
  const neighbours = neighboursOf(roster.graph, index).flatMap((neighbour) => {
    const entry = roster.entries[neighbour - 1]
    return entry === undefined ? [] : [{ index: neighbour, entry }]
  })
  return {
    kind: 'share-keys',
    ownIndex: index,
    lines: roster.lines,
    neighbours,
    threshold: roster.parameters.threshold,
  }
}

function notInU2(session: CollectingMaskedInput, index: number): string {
  const isLate = !session.deals.has(index)
  return `not in U2: ${isLate ? 'the deal came after stage 1 had closed' : 'too few of its holders dealt'}`
}

function over(completed: boolean, reason: string): Instruction {
  return { kind: 'session-over', completed, reason }
}
