/** The figures of one simulation that a sweep compares, as means over its rounds. Pure. */
import { AFTER_LAST_STAGE, STEPS, sum } from './measure.ts'
import type { RoundReport, SimulationReport } from './report.ts'

/** By stage, in the order of STEPS, and in all. */
export interface ByStep {
  readonly steps: readonly number[]
  readonly inAll: number
}

export interface SweepFigures {
  readonly participants: number
  readonly lanes: number
  readonly neighbours: number
  readonly threshold: number
  readonly survivors: number
  /** Of one participant: the mean over those who took part in the stage; in all, over those who stayed to the end. */
  readonly participantMs: ByStep
  readonly upBytes: ByStep
  readonly downBytes: ByStep
  /** For all participants together. */
  readonly coordinatorMs: ByStep
  readonly virtualSeconds: number
}

export function sweepFigures({ plan, parameters, rounds }: SimulationReport): SweepFigures {
  const mean = (of: (round: RoundReport) => number) => sum(rounds.map(of)) / rounds.length
  const ofOne = (column: 'participantMs' | 'upBytes' | 'downBytes'): ByStep => ({
    steps: STEPS.map((_, step) => mean((round) => round.steps[step]?.[column].mean ?? 0)),
    inAll: mean((round) => round[column].mean),
  })
  return {
    participants: plan.participants,
    lanes: plan.lanes,
    neighbours: parameters.neighbours,
    threshold: parameters.threshold,
    survivors: mean(({ survivors }) => survivors),
    participantMs: ofOne('participantMs'),
    upBytes: ofOne('upBytes'),
    downBytes: ofOne('downBytes'),
    coordinatorMs: {
      steps: STEPS.map((_, step) => mean((round) => round.steps[step]?.coordinatorMs ?? 0)),
      inAll: mean(({ coordinatorMs }) => coordinatorMs),
    },
    virtualSeconds: mean(({ virtualSeconds }) => virtualSeconds),
  }
}

/** Headings for the steps of one side: what comes after the last stage is other work on each. */
export function stepNames(side: 'participant' | 'coordinator'): readonly string[] {
  const after = side === 'participant' ? 'hear the end' : 'unmask'
  return STEPS.map((step, stage) => (stage < AFTER_LAST_STAGE ? `${stage} ${step}` : after))
}
