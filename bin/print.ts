/** Writing a command's answer to stdout. */
import type { RunSummary } from '../shared/wire/generated/blindsum/v1/operator.ts'
import { textTable, utcTime } from './text-table.ts'

export function printLine(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** One JSON object on one line. */
export function printJson(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** A run as scripts read it: digests in hex, times in ISO 8601. */
export function runAsJson(run: RunSummary): object {
  const { planDigest, createdAtMs, ...rest } = run
  return {
    ...rest,
    planDigest: Buffer.from(planDigest).toString('hex'),
    createdAt: new Date(createdAtMs).toISOString(),
  }
}

/** Runs under each other. */
export function runTable(runs: readonly RunSummary[]): string {
  const rows = runs.map((run) => [
    run.name,
    run.state,
    `${run.round}/${run.rounds}`,
    utcTime(run.createdAtMs),
    run.runId,
    run.reason || run.present,
  ])
  return textTable(['name', 'state', 'round', 'submitted', 'id', 'now'], rows)
}
