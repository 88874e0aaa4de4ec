/** Reads `--sweep`: `participants=10,30,100`, one option of a simulation and the values it takes, one after the other. Pure. */

export const SWEEPABLE = ['participants', 'lanes', 'bits', 'dropout', 'corrupt', 'gamma', 'delta'] as const
export type Sweepable = (typeof SWEEPABLE)[number]

export interface SweepSpec {
  readonly option: Sweepable
  /** As typed, each once, in the order given; whether the option takes them is for the option to say. */
  readonly values: readonly string[]
}

export type ReadSweep =
  | { readonly ok: true; readonly sweep: SweepSpec }
  /** One line: what was expected and what came. */
  | { readonly ok: false; readonly problem: string }

export function readSweep(text: string): ReadSweep {
  const [, name = '', list = ''] = /^([^=]*)=?(.*)$/s.exec(text) ?? []
  const option = SWEEPABLE.find((candidate) => candidate === name)
  if (NEIGHBOURS.includes(name)) return refused(NEIGHBOURS_FOLLOW)
  if (option === undefined) return refused(`there is no "${name}" to sweep; there are ${SWEEPABLE.join(', ')}`)
  const values = list === '' ? [] : list.split(',').map((value) => value.trim())
  if (values.length === 0) return refused(`${option} needs values, such as ${option}=${EXAMPLES[option]}`)
  const odd = values.find((value) => !/^([0-9]+|[0-9]*\.[0-9]+)$/.test(value))
  if (odd !== undefined) return refused(`${option} takes numbers with commas between them, not "${odd}"`)
  const twice = values.find((value, place) => values.findIndex((other) => Number(other) === Number(value)) < place)
  if (twice !== undefined) return refused(`${option} has the value ${Number(twice)} twice; name each once`)
  return { ok: true, sweep: { option, values } }
}

const NEIGHBOURS = ['neighbours', 'k', 'max-neighbours']
/** The rule takes the least k that keeps both promises; more would cost without need, fewer would break one of them. */
const NEIGHBOURS_FOLLOW =
  'neighbours cannot be chosen, they follow from participants, gamma and delta; sweep one of those, and the plots against k ' +
  'come with it'

const EXAMPLES: Readonly<Record<Sweepable, string>> = {
  participants: '10,30,100',
  lanes: '1000,10000,100000',
  bits: '8,16,24',
  dropout: '0,0.1,0.2,0.3',
  corrupt: '0,0.05,0.1',
  gamma: '0.01,0.05,0.1,0.2',
  delta: '0.05,0.1,0.2,0.3',
}

function refused(problem: string): ReadSweep {
  return { ok: false, problem }
}
