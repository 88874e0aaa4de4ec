/** A sweep as people read it: a table with all in all, and one by stage for each kind of cost. Pure. */
import { hasRun, type RanRow, type Sweep, type SweepRow } from '../simulation/sweep.ts'
import { type ByStep, type SweepFigures, stepNames, sweepFigures } from '../simulation/sweep-figures.ts'
import { failureWord, footnotes, milliseconds, reasons, sameInAll, symbolOf, valueWords } from './sweep-words.ts'
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

function sweepTables(sweep: Sweep, rows: readonly SweepRow[]): readonly Table[] {
  const symbol = symbolOf(sweep)
  const columns = OVERVIEW.filter(([heading]) => heading !== symbol)
  const ran = rows.filter(hasRun)
  const byStep = (
    { title, side }: { readonly title: string; readonly side: 'participant' | 'coordinator' },
    column: (figures: SweepFigures) => ByStep,
    cell: (value: number) => string,
  ): Table => ({
    title: `${title} by stage`,
    headings: [symbol, ...stepNames(side), 'in all'],
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
    byStep(
      { title: 'CPU ms of one participant', side: 'participant' },
      ({ participantMs }) => participantMs,
      milliseconds,
    ),
    byStep(
      { title: 'CPU ms of the coordinator', side: 'coordinator' },
      ({ coordinatorMs }) => coordinatorMs,
      milliseconds,
    ),
    byStep({ title: 'Bytes one participant sends', side: 'participant' }, ({ upBytes }) => upBytes, grouped),
    byStep({ title: 'Bytes one participant receives', side: 'participant' }, ({ downBytes }) => downBytes, grouped),
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

function markdownTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escaped).join(' | ')} |`
  return [line(headings), `|${headings.map(() => '---:|').join('')}`, ...rows.map(line)].join('\n')
}

/** Text that Markdown shows as it is. */
function escaped(text: string): string {
  return text.replace(/[\\`*_[\]<>|]/g, (character) => `\\${character}`)
}
