/** `blindsum run submit`: hands a signed plan and its model to the coordinator; a plan.yaml is signed as the operator. */
import { command, JSON_OPTION } from '../command-line.ts'
import { withOperator } from '../operator-client.ts'
import { OPERATOR_OPTIONS, operatorConnection } from '../operator-options.ts'
import { printJson, printLine, runAsJson } from '../print.ts'
import { loadPlan, signAs } from '../signed-plan.ts'

export const runSubmitCommand = command(
  {
    name: 'run submit',
    usage: 'PLAN',
    about:
      'Submits a plan and the forward ONNX model it names. PLAN is what `blindsum plan sign` wrote, or a plan.yaml, which is\n' +
      'then signed with the operator’s own identity. Both are checked here first, as every site will check them; sites take\n' +
      'part whose policy names the author. The run begins as soon as enough of the enrolled sites are connected.',
    options: {
      ...OPERATOR_OPTIONS,
      model: { type: 'string', value: 'FILE', about: 'the model of a signed plan, where it has moved' },
      ...JSON_OPTION,
    },
    words: ['PLAN'],
    example: 'blindsum run submit plan.signed.json --operator operator.yaml',
  },
  async ({ values, words }) => {
    const connection = operatorConnection(values)
    const { document, digest, modelBytes, ...loaded } = loadPlan(words[0] ?? '', values.model)
    const signature = loaded.signature ?? signAs(connection.identity, digest)
    const run = await withOperator(connection, (operator) => operator.submit({ document, signature, modelBytes }))
    if (values.json) printJson({ ok: true, ...runAsJson(run), authorId: signature.authorId })
    else {
      printLine(`submitted ${run.name} as run ${run.runId}, ${run.rounds} rounds, signed by ${signature.authorId}`)
      printLine(`plan digest ${Buffer.from(run.planDigest).toString('hex')}`)
      printLine(`follow it with: blindsum run watch ${run.name}`)
    }
    return 0
  },
)
