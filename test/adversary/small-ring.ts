/**
 * The sparse graph in miniature: a ring of 12 neighbours from 20 participants on, where the rule has at least 64 from 65 on.
 * Thresholds and quorum follow the rule's formulas for c = C = 0, so that an attack has the same shape and takes a second.
 * A test file that wants it begins with
 *
 *   vi.mock('../../shared/protocol/threshold.ts', async (original) => (await import('./small-ring.ts')).inMiniature(await original()))
 */
import type * as thresholds from '../../shared/protocol/threshold.ts'

export const RING_NEIGHBOURS = 12
const FROM = 20

/** The finder of parameters, but for the miniature. Smaller cohorts and other assumptions get the real rule. */
export function inMiniature(real: typeof thresholds): typeof thresholds {
  const findParameters: typeof thresholds.findParameters = (participants, assumptions) =>
    participants < FROM || assumptions.graph === 'complete' || assumptions.colluders > 0
      ? real.findParameters(participants, assumptions)
      : { ok: true, parameters: { ...miniature(participants), threshold: ringThreshold() } }
  const sharingParameters: typeof thresholds.sharingParameters = (participants, assumptions) => {
    const found = findParameters(participants, assumptions)
    return found.ok ? found.parameters : real.sharingParameters(participants, assumptions)
  }
  return { ...real, findParameters, sharingParameters }
}

let lowered = 0

/** t = ⌊(h + c)/2⌋ + 2, or less by what a test has taken off. */
export function ringThreshold(): number {
  return Math.floor((RING_NEIGHBOURS + 1) / 2) + 2 - lowered
}

/** From now on a threshold lower by so much, for everybody. */
export function lowerThresholdBy(shares: number): void {
  lowered = shares
}

function miniature(participants: number) {
  const sizes = { participants, neighbours: RING_NEIGHBOURS, holders: RING_NEIGHBOURS + 1, corruptHolders: 0 }
  return { graph: 'sparse', ...sizes, quorum: Math.floor(participants / 2) + 1 } as const
}
