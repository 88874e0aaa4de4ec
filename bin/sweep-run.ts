/** Runs a sweep for `blindsum simulate --sweep`: a line per value on stderr, the table or JSON on stdout, files in a folder. */
import { isSweepExact, runSweep, type Sweep, type SweepRow } from '../simulation/sweep.ts'
import { printJson } from './print.ts'
import { progressBar } from './progress-bar.ts'
import type { SimulationOptions } from './simulation-options.ts'
import { openSweepFolder, type TextFile, writeSweepFiles } from './sweep-folder.ts'
import { sweepCommandLine } from './sweep-options.ts'
import { sweepPlots } from './sweep-plots.ts'
import { sweepMarkdown, sweepText } from './sweep-tables.ts'
import { rowLine } from './sweep-words.ts'

interface SweepOptions extends SimulationOptions {
  readonly sweep: string | undefined
  readonly out: string | undefined
  readonly json: boolean
}

/** Gives the exit code: 0 when every possible value was exact, and one was possible. @throws ConfigError for the folder. */
export async function sweepAndTell(sweep: Sweep, options: SweepOptions): Promise<number> {
  const { out, json } = options
  const command = sweepCommandLine(options.sweep ?? '', options)
  if (out !== undefined) openSweepFolder(out)
  const bar = progressBar(process.stderr)
  try {
    const rows = await runSweep(sweep, {
      onProgress: (value, { round, step, done, of }) =>
        bar.show(`${sweep.option}=${value}${round === 0 ? '' : `, round ${round}`}, ${step}`, done / of),
      onRow: (row, soFar) => {
        if (out !== undefined) writeSweepFiles(out, sweepFiles(sweep, soFar, command))
        bar.clear()
        process.stderr.write(`${soFar.length}/${sweep.steps.length} ${rowLine(sweep, row)}\n`)
      },
    })
    if (json) printJson(sweepAsJson(sweep, rows))
    else process.stdout.write(sweepText(sweep, rows))
    return isSweepExact(rows) ? 0 : 1
  } finally {
    bar.clear()
  }
}

function sweepFiles(sweep: Sweep, rows: readonly SweepRow[], command: string): readonly TextFile[] {
  const plots = sweepPlots(sweep, rows)
  return [
    { file: 'sweep.json', text: `${JSON.stringify({ command, ...sweepAsJson(sweep, rows) }, null, 2)}\n` },
    ...plots.map(({ file, svg }) => ({ file, text: svg })),
    { file: 'sweep.md', text: sweepMarkdown(sweep, rows, { command, plots }) },
  ]
}

/** The values asked for, and a row for each that is done. */
function sweepAsJson(sweep: Sweep, rows: readonly SweepRow[]): object {
  const { option, steps } = sweep
  return {
    ok: rows.length === steps.length && isSweepExact(rows),
    sweep: { option, values: steps.map(({ value }) => value) },
    rows,
  }
}
