/** `blindsum run pause|resume|cancel`: an operator's hand on a run. Every move is recorded with who made it. */
import { type Command, command, JSON_OPTION } from '../command-line.ts'
import { type Operator, withOperator } from '../operator-client.ts'
import { OPERATOR_OPTIONS, operatorConnection } from '../operator-options.ts'
import { printJson, printLine, runAsJson } from '../print.ts'

type Move = 'pause' | 'resume' | 'cancel'

export const runPauseCommand = steering('pause', 'Pauses a run: the session under way still ends, no new one begins.')
export const runResumeCommand = steering(
  'resume',
  'Goes on with a paused run, also with one that paused itself because sessions kept failing.',
)
export const runCancelCommand = steering('cancel', 'Ends a run for good. Its published versions stay.')

function steering(move: Move, about: string): Command {
  return command(
    {
      name: `run ${move}`,
      usage: 'RUN',
      about,
      options: { ...OPERATOR_OPTIONS, ...JSON_OPTION },
      words: ['RUN'],
      example: `blindsum run ${move} digits --operator operator.yaml`,
    },
    async ({ values, words }) => {
      const steer = (operator: Operator) => operator[move](words[0] ?? '')
      const run = await withOperator(operatorConnection(values), steer)
      if (values.json) printJson({ ok: true, ...runAsJson(run) })
      else printLine(`run ${run.name} is ${run.state} at round ${run.round} of ${run.rounds}`)
      return 0
    },
  )
}
