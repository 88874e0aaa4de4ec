/** `blindsum run submit`: turns plan.yaml and its model into the plan document and hands both to the coordinator. */
import { command, JSON_OPTION } from '../command-line.ts'
import { withOperator } from '../operator-client.ts'
import { OPERATOR_OPTIONS, operatorConnection } from '../operator-options.ts'
import { loadPlanFile } from '../plan-file.ts'
import { printJson, printLine, runAsJson } from '../print.ts'

export const runSubmitCommand = command(
  {
    name: 'run submit',
    usage: 'PLAN.yaml',
    about:
      'Submits a plan and the forward ONNX model it names. Both are checked here first, as every site will check them.\n' +
      'The run begins as soon as enough of the enrolled sites are connected.',
    options: { ...OPERATOR_OPTIONS, ...JSON_OPTION },
    words: ['PLAN.yaml'],
    example: 'blindsum run submit plan.yaml --operator operator.yaml',
  },
  async ({ values, words }) => {
    const connection = operatorConnection(values)
    const loaded = loadPlanFile(words[0] ?? '')
    const run = await withOperator(connection, (operator) => operator.submit(loaded.document, loaded.modelBytes))
    if (values.json) printJson({ ok: true, ...runAsJson(run) })
    else {
      printLine(`submitted ${run.name} as run ${run.runId}, ${run.rounds} rounds`)
      printLine(`plan digest ${Buffer.from(run.planDigest).toString('hex')}`)
      printLine(`follow it with: blindsum run watch ${run.name}`)
    }
    return 0
  },
)
