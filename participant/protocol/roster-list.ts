/**
 * What follows from the roster's list and the session's context alone, and so is the same for everybody who was sent that
 * list: that it names nobody and no key twice, its digest, and the graph.
 */
import type { SessionDigests } from '../../shared/protocol/deal.ts'
import { type NeighbourGraph, neighbourGraph } from '../../shared/protocol/neighbour-graph.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import { isEachLineAnothers, type RosterLine, rosterDigest } from '../../shared/protocol/roster.ts'
import type { SharingParameters } from '../../shared/protocol/threshold.ts'
import type { ParticipantSetup } from './session-state.ts'

export interface CheckedList {
  readonly digests: SessionDigests
  readonly graph: NeighbourGraph
}

/** `parameters` are those of the plan's rule for a list of this length. @throws ProtocolError */
export function checkList(
  lines: readonly RosterLine[],
  parameters: SharingParameters,
  { context, contextDigest }: Pick<ParticipantSetup, 'context' | 'contextDigest'>,
): CheckedList {
  refuseIf(
    !isEachLineAnothers(lines, context.enrolledCount),
    'roster_disagrees',
    `the ${lines.length} lines do not stand for as many of the ${context.enrolledCount} enrolled, in order`,
  )
  const keys = new Set(lines.map((line) => Buffer.from(line.signingKey).toString('hex')))
  refuseIf(keys.size !== lines.length, 'key_reused', 'a session signing key stands twice in the roster')
  const digests = { contextDigest, rosterDigest: rosterDigest(contextDigest, lines) }
  return { digests, graph: neighbourGraph(parameters, digests) }
}
