/** A sweep as people read it: what was the same in all, a table in all and by stage, and why a row has no figures. Pure. */
import { STEPS } from '../simulation/measure.ts'
import type { SimulationPlan } from '../simulation/plan.ts'
import { type FailedRow, hasRun, type RanRow, type Sweep, type SweepRow } from '../simulation/sweep.ts'
import { type ByStep, type SweepFigures, sweepFigures } from '../simulation/sweep-figures.ts'
import { grouped, textTable } from './text-table.ts'

interface Table {
  readonly title: string
  readonly headings: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** For a terminal. */
export function sweepText(sweep: Sweep, rows: readonly SweepRow[]): string {
  const tables = sweepTables(sweep, rows).map(
    ({ title, headings, rows: cells }) => `${title}\n${textTable(headings, cells)}`,
  )
  const told = reasons(sweep, rows)
  return [sameInAll(sweep), '', ...tables, ...told, ...(told.length === 0 ? [] : ['']), ...footnotes(rows), ''].join(
    '\n',
  )
}

/** As Markdown, with the command that made it and the plots beside it. */
export function sweepMarkdown(
  sweep: Sweep,
  rows: readonly SweepRow[],
  {
    command,
    plots,
  }: { readonly command: string; readonly plots: readonly { readonly file: string; readonly title: string }[] },
): string {
  const tables = sweepTables(sweep, rows).flatMap(({ title, headings, rows: cells }) => [
    `## ${title}`,
    '',
    markdownTable(headings, cells),
    '',
  ])
  return [
    `# Simulations by ${sweep.option}`,
    '',
    '```',
    command,
    '```',
    '',
    `${sameInAll(sweep)}.`,
    '',
    ...tables,
    ...reasons(sweep, rows).map((line) => `- ${escaped(line)}\n`),
    ...footnotes(rows).flatMap((line) => [escaped(line), '']),
    ...plots.flatMap(({ file, title }) => [`![${escaped(title)}](${file})`, '']),
  ].join('\n')
}

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

const SYMBOLS: Partial<Readonly<Record<Sweep['option'], string>>> = { participants: 'n', lanes: 'd' }

function symbolOf({ option }: Sweep): string {
  return SYMBOLS[option] ?? option
}

function sweepTables(sweep: Sweep, rows: readonly SweepRow[]): readonly Table[] {
  const symbol = symbolOf(sweep)
  const columns = OVERVIEW.filter(([heading]) => heading !== symbol)
  const ran = rows.filter(hasRun)
  const byStep = (
    title: string,
    column: (figures: SweepFigures) => ByStep,
    cell: (value: number) => string,
  ): Table => ({
    title,
    headings: [symbol, ...STEPS.map((step, stage) => (stage < 5 ? `${stage} ${step}` : step)), 'in all'],
    rows: ran.map((row) => {
      const { steps, inAll } = column(sweepFigures(row))
      return [valueWords(row.value), ...[...steps, inAll].map(cell)]
    }),
  })
  const overview: Table = {
    title: 'In all',
    headings: [symbol, ...columns.map(([heading]) => heading)],
    rows: rows.map((row) => {
      if (!hasRun(row))
        return [valueWords(row.value), ...columns.map(([heading]) => (heading === 'exact' ? failureWord(row) : '–'))]
      const figures = sweepFigures(row)
      return [valueWords(row.value), ...columns.map(([, cell]) => cell(figures, row))]
    }),
  }
  if (ran.length === 0) return [overview]
  return [
    overview,
    byStep('CPU ms of one participant by stage', ({ participantMs }) => participantMs, milliseconds),
    byStep('CPU ms of the coordinator by stage', ({ coordinatorMs }) => coordinatorMs, milliseconds),
    byStep('Bytes one participant sends by stage', ({ upBytes }) => upBytes, grouped),
    byStep('Bytes one participant receives by stage', ({ downBytes }) => downBytes, grouped),
  ]
}

/** Headings and cells of the first table; the swept one stands before them. */
const OVERVIEW: readonly (readonly [heading: string, cell: (figures: SweepFigures, row: RanRow) => string])[] = [
  ['n', ({ participants }) => grouped(participants)],
  ['d', ({ lanes }) => grouped(lanes)],
  ['k', ({ neighbours }) => grouped(neighbours)],
  ['t', ({ threshold }) => grouped(threshold)],
  ['survivors', ({ survivors }) => grouped(survivors)],
  ['CPU ms', ({ participantMs }) => milliseconds(participantMs.inAll)],
  ['coord. ms', ({ coordinatorMs }) => milliseconds(coordinatorMs.inAll)],
  ['bytes up', ({ upBytes }) => grouped(upBytes.inAll)],
  ['bytes down', ({ downBytes }) => grouped(downBytes.inAll)],
  ['virtual s', ({ virtualSeconds }) => virtualSeconds.toFixed(2)],
  ['peak MB', (_, { peakMemoryBytes }) => grouped(peakMemoryBytes / 1e6)],
  ['exact', (_, { exact }) => (exact ? 'yes' : 'NO')],
]

/** Why rows have no figures, or sums that are not exact. */
function reasons(sweep: Sweep, rows: readonly SweepRow[]): readonly string[] {
  return rows.flatMap((row) => {
    const name = `${symbolOf(sweep)} = ${valueWords(row.value)}`
    if (!hasRun(row)) return [`${name}: ${failureWord(row)}: ${row.problems.join('; ')}`]
    return row.rounds.flatMap(({ round, exact, reason }) =>
      exact ? [] : [`${name}: round ${round} ${reason === null ? 'gave a WRONG sum' : `aborted, ${reason}`}`],
    )
  })
}

function failureWord({ error }: FailedRow): string {
  return error === 'simulation_impossible' ? 'impossible' : error
}

function footnotes(rows: readonly SweepRow[]): readonly string[] {
  const machine = machineLine(rows)
  if (machine === null) return []
  return [
    'CPU ms and bytes: of one participant, mean over those who were there; in all, over those who stayed to the end.',
    'coord. ms: of the coordinator, for all participants.',
    'peak MB: of the whole process up to then, so that no row shows less than the one before it.',
    machine,
  ]
}

function valueWords(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 6 })
}

function milliseconds(ms: number): string {
  return ms.toLocaleString('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 })
}

function markdownTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escaped).join(' | ')} |`
  return [line(headings), `|${headings.map(() => '---:|').join('')}`, ...rows.map(line)].join('\n')
}

/** Text that Markdown shows as it is. */
function escaped(text: string): string {
  return text.replace(/[\\`*_[\]<>|]/g, (character) => `\\${character}`)
}
