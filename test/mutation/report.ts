/** What the run prints. Pure. */
import type { Mutant } from './find-refusals.ts'
import { inWords, isKilled, type Verdict } from './run-mutants.ts'

/** One mutant in the list. */
export function listLine({ file, line, kind, code }: Mutant): string {
  return `${kind.padEnd(7)} ${file}:${line} ${code}`
}

/** One line of progress. */
export function progressLine(verdict: Verdict, done: number, all: number): string {
  const { mutant, report, seconds } = verdict
  const killer = report.kind === 'failed' ? `by ${report.file}` : report.kind === 'timeout' ? 'by timeout' : ''
  const words = isKilled(verdict) ? `killed ${where(mutant)} ${killer}` : `ALIVE  ${where(mutant)}`
  return `[${String(done).padStart(String(all).length)}/${all}] ${words} in ${seconds.toFixed(1)} s`
}

/** The table of survivors, timeouts counted, and the last line, `N mutants, N killed`. */
export function closingLines(verdicts: readonly Verdict[]): string[] {
  const survivors = verdicts.filter((verdict) => !isKilled(verdict))
  const timeouts = verdicts.filter(({ report }) => report.kind === 'timeout')
  const lines: string[] = []
  if (timeouts.length > 0) lines.push(`${timeouts.length} were killed by a timeout`)
  if (survivors.length > 0) {
    const width = Math.max(...survivors.map(({ mutant }) => where(mutant).length))
    lines.push('', 'No test has noticed that these are missing:')
    lines.push(...survivors.map(({ mutant, report }) => `  ${where(mutant).padEnd(width)}  ${inWords(report)}`))
    lines.push('')
  }
  return [...lines, `${verdicts.length} mutants, ${verdicts.length - survivors.length} killed`]
}

function where({ file, line, code }: Mutant): string {
  return `${file}:${line} ${code}`
}
