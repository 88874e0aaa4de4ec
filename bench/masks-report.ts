/** The mask measurements as tables. */
import type { ExpandRow } from './masks-expand.ts'
import type { LaneRow } from './masks-lanes.ts'

export interface Goal {
  readonly name: string
  readonly value: number
  readonly floor: number
  readonly target: number
  readonly better: 'more' | 'less'
  /** Whether this machine, as busy as it was, could have shown it. */
  readonly counts: boolean
}

export function masksText(report: {
  readonly machine: Readonly<Record<string, string | number>>
  readonly rows: readonly (ExpandRow | LaneRow)[]
  readonly goals: readonly Goal[]
}): string {
  const { machine, rows, goals } = report
  return [
    ...Object.entries(machine).map(([name, value]) => `${name.padEnd(24)}${short(value)}`),
    '',
    `${'engine'.padEnd(16)}${cells(['lane bits', 'lanes', 'seeds', 'threads', 'Mlanes/s', 'CPU ms', '÷ openssl'])}`,
    ...rows.flatMap((row) => ('engine' in row ? [expandLine(row)] : [])),
    '',
    `${'step'.padEnd(24)}${cells(['lane bits', 'modulus', 'CPU ms', 'ns/lane'])}`,
    ...rows.flatMap((row) => ('engine' in row ? [] : [laneLine(row)])),
    '',
    ...goals.map(goalLine),
    '',
  ].join('\n')
}

function expandLine({ engine, laneBits, lanes, seeds, threads, lanesPerSecond, cpuMs, ratioToOpenssl }: ExpandRow) {
  return `${engine.padEnd(16)}${cells([laneBits, lanes, seeds, threads, lanesPerSecond / 1e6, cpuMs, ratioToOpenssl])}`
}

function laneLine({ name, laneBits, modulusBits, cpuMs, nsPerLane }: LaneRow): string {
  return `${name.padEnd(24)}${cells([laneBits, modulusBits, cpuMs, nsPerLane])}`
}

export function goalLine({ name, value, floor, target, better, counts }: Goal): string {
  const reaches = (goal: number) => (better === 'more' ? value >= goal : value <= goal)
  const verdict = reaches(target) ? 'PASS' : reaches(floor) ? 'FLOOR' : counts ? 'FAIL' : 'BUSY'
  return `${verdict.padEnd(7)}${name.padEnd(26)}${short(value)} (floor ${floor}, target ${target})`
}

function cells(values: readonly (string | number)[]): string {
  return values.map((value) => short(value).padStart(11)).join('')
}

function short(value: string | number): string {
  return typeof value === 'string' || Number.isInteger(value) ? String(value) : value.toFixed(2)
}
