/**
 * `blindsum simulate`: the protocol with real cryptography among simulated participants, with faults, in one process: what a
 * session costs, and whether the sum comes out exact. Contacts nobody.
 */
import { simulate } from '../../simulation/simulate.ts'
import { command, JSON_OPTION, UsageError } from '../command-line.ts'
import { printJson } from '../print.ts'
import { PROCESS_OPTIONS, processPlan } from '../process-options.ts'
import { progressBar } from '../progress-bar.ts'
import { SIMULATION_OPTIONS, simulationPlan } from '../simulation-options.ts'
import { simulationTables } from '../simulation-tables.ts'
import { sweepFromOptions } from '../sweep-options.ts'
import { sweepAndTell } from '../sweep-run.ts'

export const simulateCommand = command(
  {
    name: 'simulate',
    usage: '',
    about:
      'Runs whole sessions of secure aggregation in this process: every participant with its own keys and certificate,\n' +
      'every check on, every message encoded and read again, over all cores; faults as asked for; a simulated network.\n' +
      'Prints processor time and bytes by stage, memory, and whether the sum is the survivors’ plaintext sum. Exit 0 when\n' +
      'every round was exact. Contacts nobody. With --real-processes: agents and coordinator as processes of their own.',
    options: {
      ...SIMULATION_OPTIONS,
      sweep: {
        type: 'string',
        value: 'OPTION=A,B,…',
        about: 'one simulation for each of these values, in one table; such as participants=10,30,100',
      },
      out: { type: 'string', value: 'FOLDER', about: 'with --sweep: a new folder for the table, its data and plots' },
      ...PROCESS_OPTIONS,
      ...JSON_OPTION,
    },
    words: [],
    example:
      'blindsum simulate --participants 100 --lanes 100000 --dropout 0.1 --corrupt 0.05\n' +
      'blindsum simulate --sweep participants=10,30,100,300 --out by-participants\n' +
      'blindsum simulate --real-processes --participants 10 --rounds 5 --kills 0.2',
  },
  async ({ values }) => {
    const processes = processPlan(values)
    if (processes !== null) {
      const { simulateProcessesAndTell } = await import('../process-run.ts')
      return await simulateProcessesAndTell(processes, values)
    }
    const plan = simulationPlan(values)
    if (values.sweep !== undefined) return await sweepAndTell(sweepFromOptions(values.sweep, values), values)
    if (values.out !== undefined) throw new UsageError('--out needs --sweep; the figures of one simulation are printed')
    const bar = progressBar(process.stderr)
    try {
      const report = await simulate(plan, ({ round, step, done, of }) => {
        bar.show(round === 0 ? step : `round ${round}/${plan.rounds}, ${step}`, done / of)
      })
      bar.clear()
      if (values.json) printJson(report)
      else process.stdout.write(simulationTables(report))
      return report.ok ? 0 : 1
    } finally {
      bar.clear()
    }
  },
)
