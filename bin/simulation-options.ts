/** What can be said on the command line about a simulation, and the plan that follows from it. */
import { availableParallelism } from 'node:os'
import { parseNetwork } from '../simulation/network-spec.ts'
import type { SimulationPlan } from '../simulation/plan.ts'
import { type CommandLine, UsageError, wholeNumber } from './command-line.ts'

export const SIMULATION_OPTIONS = {
  participants: { type: 'string', value: 'N', about: 'participants, 3 to 65535; default 20' },
  lanes: { type: 'string', value: 'D', about: 'parameters of the model that is summed; default 10000' },
  bits: { type: 'string', value: 'B', about: 'bits of one input, 2 to 24; default 16' },
  rounds: { type: 'string', value: 'R', about: 'rounds, each a session of its own; default 1' },
  dropout: {
    type: 'string',
    value: 'F',
    about: 'part of them that falls silent, spread over the stages; default 0',
  },
  'drop-at': { type: 'string', value: 'STAGE', about: 'they all give no answer from this stage on, 0 to 4' },
  gamma: { type: 'string', value: 'F', about: 'the plan’s part that may collude; default 0.05' },
  delta: { type: 'string', value: 'F', about: 'the plan’s part that may fall silent; default dropout and corrupt' },
  corrupt: { type: 'string', value: 'F', about: 'part of them that really misbehaves; default 0' },
  adversary: { type: 'string', value: 'WHO', about: 'the coordinator is malicious (default) or semi-honest' },
  graph: { type: 'string', value: 'KIND', about: 'auto (default), complete or sparse' },
  network: {
    type: 'string',
    value: 'SPEC',
    about: 'such as latency=40ms,up=20Mbit,down=100Mbit,loss=0.1%,stragglers=5%',
  },
  seed: { type: 'string', value: 'S', about: 'draws faults, data and stragglers, never keys; default 1' },
  threads: { type: 'string', value: 'T', about: 'threads of participants; default one per core' },
} as const

export type SimulationOptions = CommandLine<typeof SIMULATION_OPTIONS>['values']

/** The plan with every default filled in. Throws UsageError, and ConfigError for the network. */
export function simulationPlan(values: SimulationOptions): SimulationPlan {
  const number = (name: 'participants' | 'lanes' | 'bits' | 'rounds' | 'seed' | 'threads', bounds: Bounds) =>
    wholeNumber(values[name] ?? String(bounds.usual), name, bounds)
  const dropout = part(values.dropout ?? '0', 'dropout')
  const corrupt = part(values.corrupt ?? '0', 'corrupt')
  const dropAt = values['drop-at']
  const delta = values.delta === undefined ? Math.min(0.5, dropout + corrupt) : part(values.delta, 'delta')
  return {
    participants: number('participants', { min: 3, max: 65_535, usual: 20 }),
    lanes: number('lanes', { min: 1, max: 100_000_000, usual: 10_000 }),
    inputBits: number('bits', { min: 2, max: 24, usual: 16 }),
    rounds: number('rounds', { min: 1, max: 1000, usual: 1 }),
    dropout,
    corrupt,
    ...(dropAt === undefined ? {} : { dropAt: wholeNumber(dropAt, 'drop-at', { min: 0, max: 4 }) }),
    gammaPpm: Math.round(part(values.gamma ?? '0.05', 'gamma') * 1_000_000),
    deltaPpm: Math.round(delta * 1_000_000),
    adversary: oneOf(values.adversary ?? 'malicious', 'adversary', ['malicious', 'semi-honest']),
    graph: oneOf(values.graph ?? 'auto', 'graph', ['auto', 'complete', 'sparse']),
    network: parseNetwork(values.network ?? ''),
    seed: number('seed', { min: 0, max: 2 ** 48, usual: 1 }),
    threads: number('threads', { min: 1, max: 1024, usual: availableParallelism() }),
  }
}

interface Bounds {
  readonly min: number
  readonly max: number
  readonly usual: number
}

/** A part of the participants. Throws UsageError. */
function part(text: string, option: string): number {
  const value = /^(0|0?\.[0-9]{1,6}|0\.5)$/.test(text) ? Number(text) : Number.NaN
  if (value >= 0 && value <= 0.5) return value
  throw new UsageError(`--${option} must be a number from 0 to 0.5 with at most six decimals, not "${text}"`)
}

function oneOf<const Choice extends string>(text: string, option: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === text)
  if (found !== undefined) return found
  throw new UsageError(`--${option} must be ${choices.join(' or ')}, not "${text}"`)
}
