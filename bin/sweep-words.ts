/** A sweep in words: what was the same in all, one value's line, why a row has no figures, and what the figures mean. Pure. */
import type { SimulationPlan } from '../simulation/plan.ts'
import { type FailedRow, hasRun, type Sweep, type SweepRow } from '../simulation/sweep.ts'
import { sweepFigures } from '../simulation/sweep-figures.ts'
import { grouped } from './text-table.ts'

/** One line when a value is done. */
export function rowLine(sweep: Sweep, row: SweepRow): string {
  const name = `${symbolOf(sweep)} = ${valueWords(row.value)}`
  if (!hasRun(row)) return `${name}: ${failureWord(row)}: ${row.problems.join('; ')}`
  const { participantMs, coordinatorMs } = sweepFigures(row)
  return (
    `${name}: participant ${milliseconds(participantMs.inAll)} ms, coordinator ${milliseconds(coordinatorMs.inAll)} ms, ` +
    `${row.exact ? 'exact' : 'NOT exact'}, in ${row.seconds.toFixed(1)} s`
  )
}

/** What every plan of the sweep has in common, in words. */
export function sameInAll({ steps }: Sweep): string {
  const [first = [], ...others] = steps.map(({ plan }) => phrases(plan))
  return first.filter((phrase, place) => others.every((other) => other[place] === phrase)).join(', ')
}

/** The machine, as the reports name it; nothing while there is none. */
export function machineLine(rows: readonly SweepRow[]): string | null {
  const ran = rows.filter(hasRun)
  const machine = ran[0]?.machine
  if (machine === undefined) return null
  const threads = ran.reduce((most, row) => Math.max(most, row.machine.threads), 0)
  return `${machine.cores} cores (${machine.cpu}), ${threads} threads of participants, Node ${machine.node}`
}

/** Why rows have no figures, or sums that are not exact. */
export function reasons(sweep: Sweep, rows: readonly SweepRow[]): readonly string[] {
  return rows.flatMap((row) => {
    const name = `${symbolOf(sweep)} = ${valueWords(row.value)}`
    if (!hasRun(row)) return [`${name}: ${failureWord(row)}: ${row.problems.join('; ')}`]
    return row.rounds.flatMap(({ round, exact, reason }) =>
      exact ? [] : [`${name}: round ${round} ${reason === null ? 'gave a WRONG sum' : `aborted, ${reason}`}`],
    )
  })
}

/** What the figures mean, a line each, and the machine; nothing while there are none. */
export function footnotes(rows: readonly SweepRow[]): readonly string[] {
  const machine = machineLine(rows)
  if (machine === null) return []
  return [
    'CPU ms and bytes: of one participant, mean over those who were there; in all, over those who stayed to the end.',
    'coord. ms: of the coordinator, for all participants.',
    'peak MB: of the whole process up to then, so that no row shows less than the one before it.',
    machine,
  ]
}

const SYMBOLS: Partial<Readonly<Record<Sweep['option'], string>>> = { participants: 'n', lanes: 'd' }

/** The swept option in a heading. */
export function symbolOf({ option }: Sweep): string {
  return SYMBOLS[option] ?? option
}

/** Why, in one word. */
export function failureWord({ error }: FailedRow): string {
  return error === 'simulation_impossible' ? 'impossible' : error
}

export function valueWords(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 6 })
}

export function milliseconds(ms: number): string {
  return ms.toLocaleString('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 })
}

function phrases(plan: SimulationPlan): readonly string[] {
  const {
    participants,
    lanes,
    inputBits,
    adversary,
    graph,
    gammaPpm,
    deltaPpm,
    dropout,
    dropAt,
    corrupt,
    rounds,
    seed,
  } = plan
  const rate = (part: number) => `${Number((100 * part).toFixed(4))} %`
  return [
    `${grouped(participants)} participants`,
    `${grouped(lanes)} lanes`,
    `${inputBits} bits`,
    `${adversary} coordinator`,
    graph === 'auto' ? 'graph by the rule' : `${graph} graph`,
    `γ ${rate(gammaPpm / 1e6)}`,
    `δ ${rate(deltaPpm / 1e6)}`,
    `dropout ${rate(dropout)}${dropAt === undefined ? '' : ` from stage ${dropAt}`}`,
    `corrupt ${rate(corrupt)}`,
    rounds === 1 ? 'one round' : `means over ${rounds} rounds`,
    `seed ${seed}`,
  ]
}
