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
  readonly found: Parameters
  readonly toleratedDropouts: number
  readonly costs: SessionCosts | null
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
    const found = findParameters(participants, assumptions)
    if (!found.ok) return { participants, found, toleratedDropouts: 0, costs: null }
    const { parameters } = found
    const tolerated = toleratedDropouts(parameters, assumptions, plan.minimumCohort)
    return { participants, found, toleratedDropouts: tolerated, costs: sessionCosts(parameters, plan.vector) }
  })
}

/** The rows as people read them; a row without parameters says which bound broke. */
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
  const broken = rows.flatMap(({ participants, found }) =>
    found.ok ? [] : [`n = ${grouped(participants)}: no parameters (${found.broken.bound}): ${found.broken.message}\n`],
  )
  return (cells.length > 0 ? textTable(headings, cells) : '') + broken.join('')
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
