/**
 * `blindsum run watch`: a run's history and then what happens now, until it has ended. Exit 0 when it completed, 1 when it
 * was cancelled, or paused and nobody wants to wait (`--until-paused`).
 */
import type { RunEventBody } from '../../coordinator/registry/run-events.ts'
import type { RunEvent } from '../../shared/wire/generated/blindsum/v1/operator.ts'
import { command } from '../command-line.ts'
import { followRun } from '../follow-run.ts'
import { withOperator } from '../operator-client.ts'
import { OPERATOR_OPTIONS, operatorConnection } from '../operator-options.ts'
import { printJson, printLine } from '../print.ts'
import { RunView } from '../run-view.ts'

export const runWatchCommand = command(
  {
    name: 'run watch',
    usage: 'RUN',
    about:
      'Follows a run, by name or id, one line per round, until it has ended: sites counted, loss and accuracy over what\n' +
      'the sites hold out, and bytes sent by a site. On a terminal it shows the round under way. When the connection\n' +
      'breaks it tries again for two minutes and goes on where it was.',
    options: {
      ...OPERATOR_OPTIONS,
      'until-paused': { type: 'boolean', about: 'end also when the run pauses (exit 1)' },
      json: { type: 'boolean', about: 'print one JSON object per event' },
    },
    words: ['RUN'],
    example: 'blindsum run watch digits --operator operator.yaml',
  },
  async ({ values, words }) => {
    const view = new RunView(values.json ? { write: () => {} } : process.stdout)
    const connection = operatorConnection(values)
    await followRun({
      run: words[0] ?? '',
      connect: (work) => withOperator(connection, work),
      see: (event) => {
        if (values.json) printJson(eventAsJson(event))
        view.show(readEvent(event))
        const { ending, pausedBecause } = view.progress
        return ending !== null || (values['until-paused'] && pausedBecause !== null)
      },
      tell: (line) => (values.json ? process.stderr.write(`${line}\n`) : view.note(line)),
    })
    view.finish()
    const { ending, pausedBecause } = view.progress
    if (values.json) return ending?.kind === 'completed' ? 0 : 1
    if (ending?.kind === 'completed') printLine(`\ncompleted; the best version is ${ending.bestVersion}`)
    else if (ending?.kind === 'cancelled') printLine(`\ncancelled by ${ending.by}`)
    else if (pausedBecause !== null)
      printLine(`\npaused: ${pausedBecause}\ngo on with: blindsum run resume ${words[0]}`)
    return ending?.kind === 'completed' ? 0 : 1
  },
)

/** An event as the coordinator stored it. Kinds of a newer coordinator pass through and are not shown. */
export function readEvent(event: RunEvent): RunEventBody {
  // Safety: bodies are written from the same union; what is read of a kind is shown, never acted upon.
  return { kind: event.kind, body: JSON.parse(event.body) } as RunEventBody
}

function eventAsJson(event: RunEvent): object {
  const at = new Date(event.atMs).toISOString()
  return { sequence: event.sequence, at, kind: event.kind, body: JSON.parse(event.body) }
}
