/**
 * What a simulation with real processes is asked for: how many agents, of what vector, how many rounds, and which part of the
 * agents each round hits with which fault. And what follows from it for the plan that they all run.
 */
import { ConfigError } from '../../shared/errors.ts'

export interface ProcessPlan {
  readonly participants: number
  /** Parameters of the model; the five scalars of every plan come on top. */
  readonly lanes: number
  readonly rounds: number
  /** Draws vectors and faults; never keys. */
  readonly seed: number
  /** Parts of the agents that are hit in every round: killed, paused, cut off or stalled. Nobody is hit twice in one. */
  readonly kills: number
  readonly pauses: number
  readonly cuts: number
}

/** Every agent is a Node process of about 100 MB. */
export const MAX_AGENTS = 50
/** Below that, one possible colluder and one dropout would leave fewer than three presumed honest ones. */
export const MIN_AGENTS = 5
/** One axis of a model's input is at most a million, and the bias comes on top. */
export const MAX_LANES = 1_000_000
/** Above that the parameters could outgrow what float32 tells apart; see fixed-vectors.ts. */
export const MAX_ROUNDS = 50

export const TRUST_DOMAIN = 'processes.blindsum.test'
export const COORDINATOR_ID = `spiffe://${TRUST_DOMAIN}/coordinator`
export const OPERATOR_ID = `spiffe://${TRUST_DOMAIN}/operator/simulation`
export const RUN_NAME = 'real-processes'

/** The name of the agent at a place, counted from 0; names sort like places. */
export function agentName(place: number): string {
  return `site-${String(place + 1).padStart(2, '0')}`
}

export function agentId(place: number): string {
  return `spiffe://${TRUST_DOMAIN}/site/${agentName(place)}`
}

/**
 * The times of the plan: generous enough for all agents on two cores, where each of them needs some tens of milliseconds per
 * stage and peer-to-peer work grows with their number.
 */
export function timingOf({ participants, lanes }: ProcessPlan) {
  const stageDeadlineMs = 6000 + 250 * participants + Math.ceil((participants * lanes) / 5000)
  return {
    trainDeadlineMs: stageDeadlineMs,
    stageDeadlineMs: Math.min(stageDeadlineMs, 120_000),
    joinGraceMs: 2500,
    sessionAttempts: 10,
  }
}

/** How many agents of a round a part is. */
export function hitPerRound({ participants }: ProcessPlan, part: number): number {
  return Math.round(participants * part)
}

/** @throws ConfigError `simulation_impossible` with everything that has to be changed. */
export function checkProcessPlan(plan: ProcessPlan): void {
  const { participants, lanes, rounds, kills, pauses, cuts } = plan
  const problems: string[] = []
  const within = (name: string, value: number, [least, most]: readonly [number, number]) => {
    if (value < least || value > most) {
      problems.push(`--real-processes: --${name} must be ${least} to ${most}, not ${value}`)
    }
  }
  within('participants', participants, [MIN_AGENTS, MAX_AGENTS])
  within('lanes', lanes, [2, MAX_LANES])
  within('rounds', rounds, [1, MAX_ROUNDS])
  const hit = [kills, pauses, cuts].reduce((sum, part) => sum + hitPerRound(plan, part), 0)
  if (hit > participants) problems.push(`--kills, --pauses and --cuts together hit ${hit} of ${participants} agents`)
  if (problems.length > 0) throw new ConfigError('simulation_impossible', problems)
}
