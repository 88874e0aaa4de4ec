/**
 * Which agents are hit, with what, at which moment of which round, and for how long: drawn from the seed, before anything
 * starts. In one round nobody is hit twice. Pure.
 */
import { drawnOrder, seededNumbers } from '../seeded.ts'
import { hitPerRound, type ProcessPlan, timingOf } from './process-plan.ts'

/** `kill`: SIGKILL, started again later. `pause`: SIGSTOP, SIGCONT. `cut`: the line breaks. `stall`: nothing passes it. */
export type FaultKind = 'kill' | 'pause' | 'cut' | 'stall'

/** What an agent's log says when it has come so far in a round. */
export const MOMENTS = [
  'training started',
  'keys advertised',
  'keys shared',
  'masked input uploaded',
  'survivors attested',
] as const
export type Moment = (typeof MOMENTS)[number]

export interface PlannedFault {
  readonly round: number
  readonly place: number
  readonly kind: FaultKind
  /** It strikes so long after the agent has come so far in the round. */
  readonly moment: Moment
  readonly afterMs: number
  /** How long it lasts; for a kill, until the agent is started again. */
  readonly forMs: number
}

/** About what a stage takes for each participant on two cores, so that all of it can be hit. */
const STAGE_MS_PER_PARTICIPANT = 10
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
        const moment = MOMENTS[Math.floor(uniform() * MOMENTS.length)] ?? 'training started'
        const afterMs = between(0, STAGE_MS_PER_PARTICIPANT * plan.participants)
        faults.push({ round, place, kind, moment, afterMs, forMs: between(LEAST_MS, mostMs) })
      }
    }
    hit(plan.kills, () => 'kill')
    hit(plan.pauses, () => 'pause')
    hit(plan.cuts, () => (uniform() < 0.5 ? 'cut' : 'stall'))
  }
  return faults
}
