/** `--sweep` and the other options of a simulation, as the plans that are simulated one after the other. */
import type { Sweep } from '../simulation/sweep.ts'
import { readSweep } from '../simulation/sweep-spec.ts'
import { UsageError } from './command-line.ts'
import { SIMULATION_OPTIONS, type SimulationOptions, simulationPlan } from './simulation-options.ts'

/** Every value is held to the bounds of the option it stands for. Throws UsageError before anything is simulated. */
export function sweepFromOptions(text: string, options: SimulationOptions): Sweep {
  const read = readSweep(text)
  if (!read.ok) throw new UsageError(`--sweep: ${read.problem}`)
  const { option, values } = read.sweep
  return { option, steps: values.map((value) => ({ value: Number(value), plan: planWith(option, value, options) })) }
}

function planWith(option: Sweep['option'], value: string, options: SimulationOptions): Sweep['steps'][number]['plan'] {
  try {
    return simulationPlan({ ...options, [option]: value })
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`--sweep: ${error.message}`, { cause: error })
    throw error
  }
}

/** The command that does the same again, without where it writes and how it prints. */
export function sweepCommandLine(text: string, options: Partial<SimulationOptions>): string {
  const names = Object.keys(SIMULATION_OPTIONS) as (keyof SimulationOptions)[]
  const given = names.flatMap((name) => (options[name] === undefined ? [] : [`--${name}`, options[name]]))
  return ['blindsum', 'simulate', ...given, '--sweep', text].map(quoted).join(' ')
}

/** As a shell takes it for one word. */
function quoted(word: string): string {
  return /^[\w.,=%:/+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
