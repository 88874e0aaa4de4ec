/** The measurements as tables, with a verdict beside each limit. */
import type { ScalingRow } from './scaling.ts'
import type { Measured } from './whole-session.ts'

export interface Limit {
  readonly name: string
  readonly value: number
  readonly limit: number
  readonly unit: string
  readonly passes: boolean
}

/** Coordinator CPU per participant may grow by so much over the scaling table, which spans a factor of eight in n. */
const GROWTH_LIMIT = 1.5
const PART_OF_OTHERS = 'of which Shamir'

/** Everything but the parts of others. */
function total(steps: ReadonlyMap<string, number>): number {
  return [...steps].reduce((sum, [name, ms]) => (name === PART_OF_OTHERS ? sum : sum + ms), 0)
}

function sumOf(row: ScalingRow): number {
  return [...row.msPerParticipant.values()].reduce((sum, ms) => sum + ms, 0)
}

export function limitsOf({ size, participantMs, coordinatorMs, bytes }: Measured, scaling: readonly ScalingRow[]) {
  const { n, neighbours: k, quorum: q } = size
  const percent = (steps: ReadonlyMap<string, number>) => (100 * (steps.get(PART_OF_OTHERS) ?? 0)) / total(steps)
  const limits = [
    limit('sharing, of participant CPU', percent(participantMs), 15, '%'),
    limit('reconstruction, of coordinator CPU', percent(coordinatorMs), 15, '%'),
    limit('stage 1 up, 300·k + 2048', bytes.dealUp, 300 * k + 2048, 'bytes'),
    limit(
      'roster and certificate down, 97·n + 80·q',
      bytes.rosterDown + bytes.certificateDown,
      97 * n + 80 * q,
      'bytes',
    ),
  ]
  const [first, last] = [scaling[0], scaling.at(-1)]
  if (first === undefined || last === undefined || first === last) return limits
  const growth = sumOf(last) / sumOf(first)
  return [...limits, limit(`coordinator CPU per participant, ${last.n} : ${first.n}`, growth, GROWTH_LIMIT, '×')]
}

function limit(name: string, value: number, most: number, unit: string): Limit {
  return { name, value, limit: most, unit, passes: value <= most }
}

export function reportText(measured: Measured, scaling: readonly ScalingRow[]): string {
  const { size, ratesPercent, participantMs, coordinatorMs, bytes, peakMemoryBytes, cores } = measured
  const { n, k, neighbours, threshold, quorum, lanes, sample, dropouts } = size
  return [
    `One session: n = ${n}, k = ${neighbours} (asked for ${k}; γ = δ = ${ratesPercent} %), t = ${threshold}, q = ${quorum}, ` +
      `${lanes} lanes, ${dropouts} dropouts, ${cores} cores. CPU time, user and system.`,
    `Participants: mean of ${sample} who do everything with every check; the others' messages are made by the same functions ` +
      'without the checks.',
    `Coordinator: everything for all ${n}; hashing and adding up masked inputs measured on the sample and scaled to all.`,
    '',
    ...stepTable('One participant', participantMs),
    '',
    ...stepTable('The coordinator', coordinatorMs),
    '',
    'Bytes per participant (the most)',
    ...Object.entries(bytes).map(([name, count]) => `  ${name.padEnd(36)}${String(count).padStart(12)}`),
    '',
    ...(scaling.length === 0 ? [] : [...scalingTable(scaling), '']),
    `Peak memory of this process, all ${n} participants included: ${(peakMemoryBytes / 2 ** 20).toFixed(0)} MiB`,
    '',
    ...limitsOf(measured, scaling).map(
      ({ name, value, limit: most, unit, passes }) =>
        `${passes ? 'PASS' : 'FAIL'}  ${name}: ${short(value)} ${unit}, at most ${short(most)} ${unit}`,
    ),
    '',
  ].join('\n')
}

function stepTable(title: string, steps: ReadonlyMap<string, number>): readonly string[] {
  const all = total(steps)
  const row = (name: string, ms: number) =>
    `  ${name.padEnd(36)}${ms.toFixed(1).padStart(12)}${((100 * ms) / all).toFixed(1).padStart(8)}`
  const parts = [...steps].filter(([name]) => name !== PART_OF_OTHERS)
  const shamir = steps.get(PART_OF_OTHERS) ?? 0
  const heading = `${title.padEnd(38)}${'CPU ms'.padStart(12)}${'%'.padStart(8)}`
  return [heading, ...parts.map(([name, ms]) => row(name, ms)), row('total', all), row(PART_OF_OTHERS, shamir)]
}

function scalingTable(rows: readonly ScalingRow[]): readonly string[] {
  const stages = [...(rows[0]?.msPerParticipant.keys() ?? [])]
  const cells = (values: readonly string[]) => values.map((value) => value.padStart(10)).join('')
  return [
    `Coordinator CPU ms per participant, k = ${rows[0]?.neighbours}, without the routing of n·k ciphertexts`,
    cells(['n', ...stages, 'sum']),
    ...rows.map((row) =>
      cells([
        String(row.n),
        ...stages.map((stage) => (row.msPerParticipant.get(stage) ?? 0).toFixed(2)),
        sumOf(row).toFixed(2),
      ]),
    ),
  ]
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2)
}
