/** `blindsum run list` and `blindsum run show`: what runs there are, and what one of them is doing. */
import { SOFTWARE_VERSION } from '../../shared/runtime/software-version.ts'
import { command, JSON_OPTION } from '../command-line.ts'
import { withOperator } from '../operator-client.ts'
import { OPERATOR_OPTIONS, operatorConnection } from '../operator-options.ts'
import { printJson, printLine, runAsJson, runTable } from '../print.ts'
import { utcTime } from '../text-table.ts'

export const runListCommand = command(
  {
    name: 'run list',
    usage: '',
    about: 'Lists all runs of the coordinator, and which sites are connected now.',
    options: { ...OPERATOR_OPTIONS, ...JSON_OPTION },
    words: [],
    example: 'blindsum run list --operator operator.yaml',
  },
  async ({ values }) => {
    const { runs, hello } = await withOperator(operatorConnection(values), async (operator) => ({
      hello: await operator.hello(SOFTWARE_VERSION),
      runs: await operator.list(),
    }))
    if (values.json) printJson({ ok: true, runs: runs.map(runAsJson), connected: hello.connected })
    else {
      if (runs.length === 0) printLine('no runs yet; submit one with: blindsum run submit PLAN.yaml')
      else process.stdout.write(runTable(runs))
      printLine(`connected sites: ${hello.connected.length === 0 ? 'none' : hello.connected.join(', ')}`)
    }
    return 0
  },
)

export const runShowCommand = command(
  {
    name: 'run show',
    usage: 'RUN',
    about: 'Shows one run, by name or id: its state, what it is doing now, and which sites take no part of late.',
    options: { ...OPERATOR_OPTIONS, ...JSON_OPTION },
    words: ['RUN'],
    example: 'blindsum run show digits --operator operator.yaml',
  },
  async ({ values, words }) => {
    const run = await withOperator(operatorConnection(values), (operator) => operator.show(words[0] ?? ''))
    if (values.json) {
      printJson({ ok: true, ...runAsJson(run) })
      return 0
    }
    printLine(`name          ${run.name}`)
    printLine(`id            ${run.runId}`)
    printLine(`state         ${run.state}${run.reason === '' ? '' : `: ${run.reason}`}`)
    printLine(`round         ${run.round} of ${run.rounds}`)
    printLine(`best version  ${run.bestVersion}`)
    printLine(`submitted     ${utcTime(run.createdAtMs)}`)
    printLine(`plan digest   ${Buffer.from(run.planDigest).toString('hex')}`)
    printLine(`now           ${run.present}`)
    for (const { spiffeId, round, code, message } of run.refusals) {
      printLine(`takes no part ${spiffeId}, round ${round} (${code}): ${message}`)
    }
    return 0
  },
)
