/**
 * Turns CSV rows into examples as the plan's data section says: columns found by name, numbers standardised with the
 * plan's constants, categories one-hot, the label numbered or read. Every problem names file, line and column; up to
 * twenty are reported together.
 */
import { ConfigError } from '../../shared/errors.ts'
import type { FeatureSpec, TabularSpec } from '../../shared/plan/data-spec.ts'
import { featureShape } from '../../shared/plan/data-spec.ts'
import type { CsvRow } from './csv-reader.ts'
import type { Examples } from './dataset.ts'
import { GrowingFloats } from './growing-floats.ts'

const MAX_PROBLEMS = 20

/**
 * Reads rows, the first of which is the header. Columns the plan does not name are ignored.
 *
 * @throws ConfigError `dataset_malformed` with the problems found, `dataset_empty` without a row.
 */
export async function readTabular(rows: AsyncIterable<CsvRow>, spec: TabularSpec, file: string): Promise<Examples> {
  const problems: string[] = []
  const features = new GrowingFloats()
  const labels = new GrowingFloats()
  let columns: Columns | undefined
  let width = 0
  let count = 0
  for await (const row of rows) {
    if (!columns) {
      columns = findColumns(row, spec, file)
      width = row.cells.length
      continue
    }
    if (problems.length >= MAX_PROBLEMS) break
    if (row.cells.length !== width) {
      problems.push(`${file}, line ${row.line}: ${row.cells.length} cells where the header has ${width}`)
      continue
    }
    const report = (column: string, message: string) =>
      problems.push(`${file}, line ${row.line}, column "${column}": ${message}`)
    for (const [i, feature] of spec.features.entries()) {
      encodeFeature(feature, row.cells[columns.features[i]!] ?? '', features, report)
    }
    labels.push(readLabel(spec.label, row.cells[columns.label] ?? '', report))
    count++
  }
  if (!columns) throw new ConfigError('dataset_empty', `${file}: the file is empty; expected a header row`)
  if (problems.length > 0) {
    if (problems.length >= MAX_PROBLEMS) problems.push(`${file}: more problems may follow; stopped reading here`)
    throw new ConfigError('dataset_malformed', problems)
  }
  if (count === 0) throw new ConfigError('dataset_empty', `${file}: there is a header but no row below it`)
  const numbers = labels.finish()
  return {
    features: features.finish(),
    labels: spec.label.kind === 'class' ? BigInt64Array.from(numbers, BigInt) : numbers,
    count,
    featureShape: featureShape(spec),
  }
}

type Columns = { readonly features: readonly number[]; readonly label: number }

function findColumns(header: CsvRow, spec: TabularSpec, file: string): Columns {
  const problems: string[] = []
  const names = header.cells.map((name) => name.trim())
  const find = (name: string) => {
    const places = names.flatMap((found, i) => (found === name ? [i] : []))
    if (places.length === 0) {
      problems.push(`${file}: column "${name}" of the plan is missing; the header has ${shortList(names)}`)
    }
    if (places.length > 1) problems.push(`${file}: column "${name}" appears ${places.length} times in the header`)
    return places[0] ?? -1
  }
  const columns = { features: spec.features.map(({ name }) => find(name)), label: find(spec.label.name) }
  if (problems.length > 0) throw new ConfigError('dataset_malformed', problems.slice(0, MAX_PROBLEMS))
  return columns
}

type Report = (column: string, message: string) => void

function encodeFeature(feature: FeatureSpec, cell: string, into: GrowingFloats, report: Report): void {
  const text = cell.trim()
  const filled = text === '' ? feature.missing : text
  if (filled === undefined) {
    report(feature.name, 'the cell is empty; fill it, or let the plan name a value for missing cells')
    return
  }
  if (feature.kind === 'number') {
    const value = typeof filled === 'number' ? filled : readNumber(filled, feature.name, report)
    into.push((value - feature.mean) / feature.scale)
    return
  }
  const place = feature.values.indexOf(String(filled))
  if (place < 0) report(feature.name, `"${shorten(text)}" is none of the plan's values ${shortList(feature.values)}`)
  for (let i = 0; i < feature.values.length; i++) into.push(i === place ? 1 : 0)
}

function readLabel(label: TabularSpec['label'], cell: string, report: Report): number {
  const text = cell.trim()
  if (label.kind === 'number') return readNumber(text, label.name, report)
  const place = label.values.indexOf(text)
  if (place < 0) report(label.name, `"${shorten(text)}" is none of the plan's classes ${shortList(label.values)}`)
  return Math.max(place, 0)
}

/** Decimal numbers only: Number() alone would take "0x10", and "" as zero. */
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

function readNumber(text: string, column: string, report: Report): number {
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN
  if (Number.isFinite(Math.fround(value))) return value
  report(column, `expected a finite number with a decimal point, found "${shorten(text)}"`)
  return 0
}

function shortList(values: readonly string[]): string {
  const shown = values.slice(0, 8).map((value) => `"${shorten(value)}"`)
  return values.length > 8 ? `${shown.join(', ')} and ${values.length - 8} more` : shown.join(', ')
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
