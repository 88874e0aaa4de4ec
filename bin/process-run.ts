/**
 * Runs a simulation with real processes for `blindsum simulate --real-processes`: progress on stderr, the report on stdout.
 * Ctrl-C and SIGTERM give up and clear everything away.
 */
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { siblingModule } from '../shared/runtime/sibling-module.ts'
import type { ProcessPlan } from '../simulation/real-processes/process-plan.ts'
import { simulateProcesses } from '../simulation/real-processes/simulate-processes.ts'
import { printJson } from './print.ts'
import { processTables } from './process-tables.ts'

const ASKED_TO_STOP = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Gives the exit code: 0 when the run completed, every version exact and verified. @throws ConfigError. */
export async function simulateProcessesAndTell(
  plan: ProcessPlan,
  { json, keep }: { readonly json: boolean; readonly keep: boolean },
): Promise<number> {
  const stop = new AbortController()
  let stoppedBy: NodeJS.Signals | null = null
  const giveUp = (signal: NodeJS.Signals) => {
    stoppedBy ??= signal
    stop.abort()
  }
  for (const signal of ASKED_TO_STOP) process.on(signal, giveUp)
  const program = fileURLToPath(siblingModule(import.meta.url, 'main'))
  const tell = (line: string) => process.stderr.write(`${line}\n`)
  try {
    const report = await simulateProcesses({ plan, program, tell, keep, signal: stop.signal })
    if (json) printJson(report)
    else process.stdout.write(processTables(report))
    return report.ok ? 0 : 1
  } catch (error) {
    if (stoppedBy === null) throw error
    tell('given up: every process has ended')
    return 128 + constants.signals[stoppedBy]
  } finally {
    for (const signal of ASKED_TO_STOP) process.off(signal, giveUp)
  }
}
