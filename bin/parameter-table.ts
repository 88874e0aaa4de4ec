/**
 * The thresholds a plan would get, as tables: for one plan's assumptions over the sizes its roster may have, and for a grid of
 * assumptions, as the documentation prints it. Pure.
 */
import {
  type AdversaryAssumptions,
  colluders,
  DEFAULT_MAX_NEIGHBOURS,
  findParameters,
  type Parameters,
  toleratedDropouts,
} from '../shared/protocol/threshold.ts'
import { type SessionCosts, sessionCosts, type VectorSize } from './session-costs.ts'
import { byteSize, grouped, textTable } from './text-table.ts'

/** One size of the roster, with what it gives. */
export interface ParameterRow {
  readonly participants: number
  readonly found: Parameters | BelowCohort
  readonly toleratedDropouts: number
  readonly costs: SessionCosts | null
}

/** Parameters there are, but with fewer presumed honest sites than the plan's minimum cohort no session begins. */
interface BelowCohort {
  readonly ok: false
  readonly broken: { readonly bound: 'cohort'; readonly message: string }
}

const LADDER = [3, 5, 10, 20, 50, 64, 65, 100, 200, 500, 1000, 2000, 5000, 10_000]

/** Sizes worth looking at: all enrolled, those left when δ stay away, and round numbers below. */
export function rosterSizes(enrolled: number, deltaPpm: number): readonly number[] {
  const present = enrolled - Math.ceil((enrolled * deltaPpm) / 1_000_000)
  const sizes = new Set([...LADDER.filter((size) => size < enrolled), present, enrolled])
  return [...sizes].filter((size) => size >= 3).sort((a, b) => a - b)
}

/** The rows for these sizes. */
export function parameterRows(
  sizes: readonly number[],
  assumptions: AdversaryAssumptions,
  plan: { readonly minimumCohort: number; readonly vector: VectorSize },
): readonly ParameterRow[] {
  return sizes.map((participants) => {
    const found = foundFor(participants, assumptions, plan.minimumCohort)
    if (!found.ok) return { participants, found, toleratedDropouts: 0, costs: null }
    const { parameters } = found
    const tolerated = toleratedDropouts(parameters, assumptions, plan.minimumCohort)
    return { participants, found, toleratedDropouts: tolerated, costs: sessionCosts(parameters, plan.vector) }
  })
}

function foundFor(
  participants: number,
  assumptions: AdversaryAssumptions,
  minimumCohort: number,
): ParameterRow['found'] {
  const found = findParameters(participants, assumptions)
  const { colluders: C } = assumptions
  if (!found.ok || participants - C >= minimumCohort) return found
  const less = `${participants} participants less ${C} possible colluder${C === 1 ? '' : 's'}`
  return {
    ok: false,
    broken: { bound: 'cohort', message: `${less} are fewer than the minimum cohort ${minimumCohort}` },
  }
}

/** The rows as people read them. Those without parameters come last, a line per bound, in the words of its largest size. */
export function parameterText(rows: readonly ParameterRow[]): string {
  const headings = ['n', 'graph', 'k', 't', 'c', 'q', 'dropouts', 'up', 'down', 'input', 'site ms', 'coord. ms']
  const cells = rows.flatMap(({ participants, found, toleratedDropouts: dropouts, costs }) => {
    if (!found.ok || costs === null) return []
    const { graph, neighbours, threshold, corruptHolders, quorum } = found.parameters
    const sizes = [costs.upBytes, costs.downBytes, costs.maskedInputBytes].map(byteSize)
    const times = [costs.participantMs, costs.coordinatorMs].map(grouped)
    const numbers = [neighbours, threshold, corruptHolders, quorum, dropouts].map(grouped)
    return [[grouped(participants), graph, ...numbers, ...sizes, ...times]]
  })
  return (cells.length > 0 ? textTable(headings, cells) : '') + brokenText(rows)
}

/** The rows come in rising order. */
function brokenText(rows: readonly ParameterRow[]): string {
  const byBound = new Map<string, { readonly sizes: readonly string[]; readonly message: string }>()
  for (const { participants, found } of rows) {
    if (found.ok) continue
    const { bound, message } = found.broken
    byBound.set(bound, { sizes: [...(byBound.get(bound)?.sizes ?? []), grouped(participants)], message })
  }
  const lines = [...byBound].map(
    ([bound, { sizes, message }]) =>
      `n = ${sizes.join(', ')}: no parameters (${bound}): ` +
      `${message.replace(/(?<![.\d])\d{4,}/g, (digits) => grouped(Number(digits)))}\n`,
  )
  return lines.join('')
}

const GRID_RATES = [1, 5, 10, 20, 33]
const GRID_SIZES = [10, 20, 50, 64, 100, 200, 500, 1000, 2000, 5000, 10_000]

/** The grid as Markdown: a row per γ and δ, a column per n; everybody enrolled takes part. */
export function parameterGrid(
  adversary: AdversaryAssumptions['adversary'],
  sizes: readonly number[] = GRID_SIZES,
): string {
  const lines = [
    `| γ | δ | ${sizes.map((size) => `n = ${grouped(size)}`).join(' | ')} |`,
    `|---|---|${sizes.map(() => '---').join('|')}|`,
  ]
  for (const gamma of GRID_RATES) {
    for (const delta of GRID_RATES) {
      const cells = sizes.map((size) => gridCell(size, gamma * 10_000, delta * 10_000, adversary))
      lines.push(`| ${gamma} % | ${delta} % | ${cells.join(' | ')} |`)
    }
  }
  return `${lines.join('\n')}\n`
}

function gridCell(
  size: number,
  gammaPpm: number,
  deltaPpm: number,
  adversary: AdversaryAssumptions['adversary'],
): string {
  const limits = { graph: 'auto', maxNeighbours: DEFAULT_MAX_NEIGHBOURS } as const
  const found = findParameters(size, { gammaPpm, deltaPpm, colluders: colluders(size, gammaPpm), adversary, ...limits })
  if (!found.ok) return `– ${found.broken.bound}`
  const { graph, neighbours, threshold, corruptHolders } = found.parameters
  if (graph === 'sparse') return `${neighbours}, ${threshold}, ${corruptHolders}`
  const tolerated = size - threshold
  const wanted = Math.ceil((size * deltaPpm) / 1_000_000)
  return `all, ${threshold}, ${corruptHolders}${tolerated < wanted ? ` (${tolerated} of ${wanted})` : ''}`
}
