/**
 * Which agents are hit, with what, in which stage of which round, and for how long: drawn from the seed, before anything
 * starts. In one round nobody is hit twice. Pure.
 */
import type { StageName } from '../../coordinator/registry/run-events.ts'
import { drawnOrder, seededNumbers } from '../seeded.ts'
import { hitPerRound, type ProcessPlan, timingOf } from './process-plan.ts'

/** `kill`: SIGKILL, started again later. `pause`: SIGSTOP, SIGCONT. `cut`: the line breaks. `stall`: nothing passes it. */
export type FaultKind = 'kill' | 'pause' | 'cut' | 'stall'

export interface PlannedFault {
  readonly round: number
  readonly place: number
  readonly kind: FaultKind
  /** It strikes so long after this stage of the round was first seen to begin. */
  readonly stage: StageName
  readonly afterMs: number
  /** How long it lasts; for a kill, until the agent is started again. */
  readonly forMs: number
}

/** Those in which somebody is waited for. */
const STAGES: readonly StageName[] = [
  'prepare',
  'advertise-keys',
  'share-keys',
  'mask-input',
  'attest-survivors',
  'reveal-shares',
]
const MOST_AFTER_MS = 250
const LEAST_MS = 500
/** Pauses and stalls outlast the stage's deadline now and then: then they are dropouts, otherwise only slow. */
const MOST_OF_DEADLINE = 1.25
/** A cut outlasts the grace for who is not connected as often as not. */
const MOST_OF_GRACE = 2

export function drawFaults(plan: ProcessPlan): readonly PlannedFault[] {
  const faults: PlannedFault[] = []
  const { stageDeadlineMs, joinGraceMs } = timingOf(plan)
  for (let round = 1; round <= plan.rounds; round += 1) {
    const uniform = seededNumbers(plan.seed, 'process faults', round)
    const between = (least: number, most: number) => Math.round(least + uniform() * (most - least))
    const order = drawnOrder(plan.participants, uniform)
    const hit = (part: number, kindOf: () => FaultKind) => {
      for (const place of order.splice(0, hitPerRound(plan, part))) {
        const kind = kindOf()
        const isLong = kind === 'pause' || kind === 'stall'
        const mostMs = isLong ? MOST_OF_DEADLINE * stageDeadlineMs : MOST_OF_GRACE * joinGraceMs
        const stage = STAGES[Math.floor(uniform() * STAGES.length)] ?? 'prepare'
        faults.push({ round, place, kind, stage, afterMs: between(0, MOST_AFTER_MS), forMs: between(LEAST_MS, mostMs) })
      }
    }
    hit(plan.kills, () => 'kill')
    hit(plan.pauses, () => 'pause')
    hit(plan.cuts, () => (uniform() < 0.5 ? 'cut' : 'stall'))
  }
  return faults
}
