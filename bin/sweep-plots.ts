/** The plots of a sweep: processor time and bytes by stage against the swept option, and against k where k varies. Pure. */
import { scaleFor } from '../shared/plot/axis.ts'
import { linePlot, type PlotAxis, type Point } from '../shared/plot/line-plot.ts'
import { sum } from '../simulation/measure.ts'
import { hasRun, type Sweep, type SweepRow } from '../simulation/sweep.ts'
import { type ByStep, type SweepFigures, stepNames, sweepFigures } from '../simulation/sweep-figures.ts'
import type { Sweepable } from '../simulation/sweep-spec.ts'
import { machineLine, sameInAll } from './sweep-words.ts'

export interface SweepPlot {
  readonly file: string
  readonly title: string
  readonly svg: string
}

/** The plots of the rows whose sums are exact; none when there is no such row. */
export function sweepPlots(sweep: Sweep, rows: readonly SweepRow[]): readonly SweepPlot[] {
  const exact = rows.filter(hasRun).filter((row) => row.exact)
  if (exact.length === 0) return []
  const sets = exact.map((row) => ({ value: row.value, figures: sweepFigures(row) }))
  // Lines break between phrases, not within.
  const note = [sameInAll(sweep).replace(/(?<!,) /g, '\u00a0'), machineLine(exact)].join('; ')
  const { option } = sweep
  const values = sets.map(({ value }) => value)
  const isCount = ['participants', 'lanes', 'bits'].includes(option)
  const swept: Abscissa = {
    axis: { label: X_LABELS[option], unit: isCount ? 'count' : 'part', scale: isCount ? scaleFor(values) : 'linear' },
    at: ({ value }) => value,
    ending: '',
  }
  const neighbours = sets.map(({ figures }) => figures.neighbours)
  const againstK: Abscissa = {
    axis: { label: `neighbours k, by ${option}`, unit: 'count', scale: scaleFor(neighbours) },
    at: ({ figures }) => figures.neighbours,
    ending: '-against-k',
  }
  const abscissas = new Set(neighbours).size > 1 ? [swept, againstK] : [swept]
  return abscissas.flatMap((abscissa) => QUANTITIES.map((quantity) => sweepPlot(quantity, abscissa, { sets, note })))
}

interface FigureSet {
  readonly value: number
  readonly figures: SweepFigures
}

interface Abscissa {
  readonly axis: PlotAxis
  readonly at: (set: FigureSet) => number
  /** Of the file's name. */
  readonly ending: string
}

interface Quantity {
  readonly file: string
  readonly title: string
  readonly label: string
  readonly unit: 'ms' | 'bytes'
  readonly of: (figures: SweepFigures) => ByStep
  readonly side: 'participant' | 'coordinator'
}

const QUANTITIES: readonly Quantity[] = [
  {
    file: 'participant-cpu',
    title: 'Processor time of one participant, by stage',
    label: 'CPU time of one participant, mean',
    unit: 'ms',
    of: ({ participantMs }) => participantMs,
    side: 'participant',
  },
  {
    file: 'coordinator-cpu',
    title: 'Processor time of the coordinator, by stage',
    label: 'CPU time of the coordinator, for all',
    unit: 'ms',
    of: ({ coordinatorMs }) => coordinatorMs,
    side: 'coordinator',
  },
  {
    file: 'bytes-up',
    title: 'Bytes one participant sends, by stage',
    label: 'bytes sent by one participant, mean',
    unit: 'bytes',
    of: ({ upBytes }) => upBytes,
    side: 'participant',
  },
  {
    file: 'bytes-down',
    title: 'Bytes one participant receives, by stage',
    label: 'bytes received by one participant, mean',
    unit: 'bytes',
    of: ({ downBytes }) => downBytes,
    side: 'participant',
  },
]

const X_LABELS: Readonly<Record<Sweepable, string>> = {
  participants: 'participants n',
  lanes: 'lanes d',
  bits: 'bits of one input',
  dropout: 'part that falls silent',
  corrupt: 'part that misbehaves',
  gamma: 'γ, part that may collude',
  delta: 'δ, part that may fall silent',
}

function sweepPlot(
  { file, title, label, unit, of, side }: Quantity,
  { axis, at, ending }: Abscissa,
  { sets, note }: { readonly sets: readonly FigureSet[]; readonly note: string },
): SweepPlot {
  const line = (name: string, cost: (byStep: ByStep) => number) => ({
    name,
    points: pointsOf(sets, at, (set) => cost(of(set.figures))),
  })
  const series = [
    ...stepNames(side).map((name, step) => line(name, ({ steps }) => steps[step] ?? 0)),
    line('in all', ({ inAll }) => inAll),
  ]
  const scale = scaleFor(series.flatMap(({ points }) => points.map(({ y }) => y)))
  const svg = linePlot({ title, note, x: axis, y: { label, unit, scale }, series })
  return { file: `${file}${ending}.svg`, title: ending === '' ? title : `${title}, against k`, svg }
}

/** Simulations that came to the same k are one point, their mean. */
function pointsOf(
  sets: readonly FigureSet[],
  at: (set: FigureSet) => number,
  cost: (set: FigureSet) => number,
): readonly Point[] {
  const costs = Map.groupBy(sets, at)
  return [...costs].map(([x, same]) => ({ x, y: sum(same.map(cost)) / same.length }))
}
