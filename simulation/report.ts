/** A simulation in figures, as scripts read them: the object that `--json` prints. */
import { availableParallelism, cpus } from 'node:os'
import type { SharingParameters } from '../shared/protocol/threshold.ts'
import type { Caught } from './caught.ts'
import { AFTER_LAST_STAGE, type Ledger, STEPS, sum } from './measure.ts'
import { stageMs } from './network.ts'
import { idAtPlace, type SimulationPlan } from './plan.ts'
import type { RoundResult } from './round.ts'
import { seededNumbers } from './seeded.ts'

export interface Spread {
  readonly mean: number
  readonly greatest: number
}

/** One stage: CPU and bytes of a participant (over those who took part in it) and of the coordinator for all. */
export interface StepReport {
  readonly step: string
  readonly participants: number
  readonly participantMs: Spread
  readonly upBytes: Spread
  readonly downBytes: Spread
  readonly coordinatorMs: number
  readonly virtualSeconds: number
}

export interface RoundReport {
  readonly round: number
  readonly outcome: 'completed' | 'aborted'
  readonly reason: string | null
  readonly exact: boolean
  /** |U1|, |U2| and |U3|. */
  readonly roster: number
  readonly shared: number
  readonly survivors: number
  /** Who fell silent, by the first stage that got no answer. */
  readonly dropouts: readonly number[]
  readonly complaints: number
  readonly steps: readonly StepReport[]
  /** Of the whole session, over those who stayed to its end. */
  readonly participantMs: Spread
  readonly coordinatorMs: number
  readonly upBytes: Spread
  readonly downBytes: Spread
  readonly virtualSeconds: number
  readonly misbehaviours: readonly Caught[]
  readonly surprises: readonly { readonly participant: string; readonly code: string; readonly message: string }[]
}

export interface SimulationReport {
  readonly ok: boolean
  /** Every round gave a sum, and each was the survivors' plaintext sum lane by lane. */
  readonly exact: boolean
  readonly plan: Omit<SimulationPlan, 'threads'>
  readonly parameters: SharingParameters
  readonly rounds: readonly RoundReport[]
  /** Bytes a survivor sent, and sent and received, in the last round, over the plain vector's. */
  readonly expansion: {
    readonly float32: { readonly up: number; readonly both: number }
    readonly bits16: { readonly up: number; readonly both: number }
  }
  /** Of the whole process: the coordinator and every participant. */
  readonly peakMemoryBytes: number
  readonly seconds: number
  readonly machine: { readonly cpu: string; readonly cores: number; readonly threads: number; readonly node: string }
}

export function simulationReport(input: {
  readonly plan: SimulationPlan
  readonly parameters: SharingParameters
  readonly rounds: readonly RoundResult[]
  readonly threads: number
  readonly peakMemoryBytes: number
  readonly seconds: number
}): SimulationReport {
  const { plan, parameters, threads, peakMemoryBytes, seconds } = input
  const rounds = input.rounds.map((round) => roundReport(plan, round))
  const last = rounds.at(-1)
  const expansion = (bytesPerLane: number) => {
    const plainBytes = plan.lanes * bytesPerLane
    const [up, down] = [last?.upBytes.greatest ?? 0, last?.downBytes.greatest ?? 0]
    return { up: up / plainBytes, both: (up + down) / plainBytes }
  }
  const { threads: _, ...rest } = plan
  const exact = rounds.every((round) => round.exact)
  return {
    ok: exact,
    exact,
    plan: rest,
    parameters,
    rounds,
    expansion: { float32: expansion(4), bits16: expansion(2) },
    peakMemoryBytes,
    seconds,
    machine: { cpu: cpus()[0]?.model.trim() ?? '', cores: availableParallelism(), threads, node: process.version },
  }
}

function roundReport(plan: SimulationPlan, result: RoundResult): RoundReport {
  const { session, ledger, fates, caught, surprises, round, exact } = result
  const steps = STEPS.map((_, step) => stepReport(plan, ledger, step))
  const stayed = placesIn(plan, (place) => ledger.cell('downBytes', AFTER_LAST_STAGE, place) > 0)
  const total = (column: 'participantMs' | 'upBytes' | 'downBytes') =>
    spread(stayed.map((place) => sum(STEPS.map((_, step) => ledger.cell(column, step, place)))))
  return {
    round,
    outcome: session.stage === 'completed' ? 'completed' : 'aborted',
    reason: session.stage === 'aborted' ? `${session.reason}: ${session.detail}` : null,
    exact,
    roster: 'roster' in session ? session.roster.entries.length : 0,
    shared: 'shared' in session ? session.shared.length : 0,
    survivors: 'survivors' in session ? session.survivors.length : 0,
    dropouts: STEPS.slice(0, AFTER_LAST_STAGE).map(
      (_, stage) => fates.filter((fate) => fate.kind === 'dropout' && fate.silentFrom === stage).length,
    ),
    complaints: 'complaints' in session ? session.complaints.size : 0,
    steps,
    participantMs: total('participantMs'),
    coordinatorMs: sum(steps.map(({ coordinatorMs }) => coordinatorMs)),
    upBytes: total('upBytes'),
    downBytes: total('downBytes'),
    virtualSeconds: sum(steps.map(({ virtualSeconds }) => virtualSeconds)),
    misbehaviours: caught,
    surprises: surprises.map(({ place, code, message }) => ({ participant: idAtPlace(place), code, message })),
  }
}

function stepReport(plan: SimulationPlan, ledger: Ledger, step: number): StepReport {
  const present = placesIn(plan, (place) => ledger.cell('downBytes', step, place) > 0)
  const of = (column: 'participantMs' | 'upBytes' | 'downBytes') =>
    spread(present.map((place) => ledger.cell(column, step, place)))
  const uniform = seededNumbers(plan.seed, 'stragglers')
  const isStraggler = Array.from({ length: plan.participants }, () => uniform() < plan.network.stragglers)
  const visits = present.map((place) => ({
    downBytes: ledger.cell('downBytes', step, place),
    upBytes: ledger.cell('upBytes', step, place),
    instructMs: ledger.cell('instructMs', step, place),
    participantMs: ledger.cell('participantMs', step, place),
    receiveMs: ledger.cell('receiveMs', step, place),
    slowness: isStraggler[place] ? plan.network.slowdown : 1,
  }))
  // Nobody waits for the news that the session is over; the masks come off meanwhile.
  const waitedMs = step === AFTER_LAST_STAGE ? 0 : stageMs(visits, plan.network)
  return {
    step: STEPS[step] ?? '',
    participants: present.length,
    participantMs: of('participantMs'),
    upBytes: of('upBytes'),
    downBytes: of('downBytes'),
    coordinatorMs: ledger.coordinatorMs(step),
    virtualSeconds: (waitedMs + ledger.closingMs(step)) / 1000,
  }
}

function placesIn(plan: SimulationPlan, isMeant: (place: number) => boolean): readonly number[] {
  return Array.from({ length: plan.participants }, (_, place) => place).filter(isMeant)
}

function spread(values: readonly number[]): Spread {
  if (values.length === 0) return { mean: 0, greatest: 0 }
  return { mean: sum(values) / values.length, greatest: values.reduce((a, b) => Math.max(a, b)) }
}
