/** What can be said on the command line about a simulation with real processes, and the plan that follows from it. */
import type { ProcessPlan } from '../simulation/real-processes/process-plan.ts'
import { UsageError, wholeNumber } from './command-line.ts'

export const PROCESS_OPTIONS = {
  'real-processes': {
    type: 'boolean',
    about: 'real agents over mTLS, 5 to 50, against a real coordinator, with faults',
  },
  kills: { type: 'string', value: 'F', about: 'with --real-processes: part killed in each round; default 0.1' },
  pauses: { type: 'string', value: 'F', about: 'with --real-processes: part paused in each round; default 0.1' },
  cuts: { type: 'string', value: 'F', about: 'with --real-processes: part whose line fails in each; default 0.1' },
  keep: { type: 'boolean', about: 'with --real-processes: leave the folder with every config and log' },
} as const

const OWN = ['kills', 'pauses', 'cuts', 'keep'] as const
/** Of the options of a simulation in one process, those that say something here too. */
const SHARED: readonly string[] = ['participants', 'lanes', 'rounds', 'seed', 'json']

type Values = Readonly<Record<string, string | boolean | undefined>>

/** The plan with every default filled in, or null when no real processes are asked for. Throws UsageError. */
export function processPlan(values: Values): ProcessPlan | null {
  const given = Object.keys(values).filter((name) => values[name] !== undefined && values[name] !== false)
  if (values['real-processes'] !== true) {
    const stray = given.find((name) => OWN.some((own) => own === name))
    if (stray !== undefined) throw new UsageError(`--${stray} needs --real-processes`)
    return null
  }
  const known = new Set<string>(['real-processes', ...OWN, ...SHARED])
  const foreign = given.find((name) => !known.has(name))
  if (foreign !== undefined)
    throw new UsageError(`--${foreign} says nothing about real processes; leave one of both out`)
  // The plan's own bounds are narrower, and told all at once.
  const number = (name: string, usual: number, max: number) =>
    wholeNumber(textOf(values, name) ?? String(usual), name, { min: 0, max })
  return {
    participants: number('participants', 20, 65_535),
    lanes: number('lanes', 10_000, 100_000_000),
    rounds: number('rounds', 1, 1000),
    seed: number('seed', 1, 2 ** 48),
    kills: part(values, 'kills'),
    pauses: part(values, 'pauses'),
    cuts: part(values, 'cuts'),
  }
}

/** A part of the agents. Throws UsageError. */
function part(values: Values, option: string): number {
  const text = textOf(values, option) ?? '0.1'
  if (/^(0|0?\.[0-9]{1,6}|1)$/.test(text)) return Number(text)
  throw new UsageError(`--${option} must be a number from 0 to 1 with at most six decimals, not "${text}"`)
}

function textOf(values: Values, option: string): string | undefined {
  const value = values[option]
  return typeof value === 'string' ? value : undefined
}
