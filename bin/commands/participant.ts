/** `blindsum participant`: one site's agent, until it is asked to stop. */
import { DRILL_POINTS } from '../../participant/drill.ts'
import { runParticipant } from '../../participant/main.ts'
import { command, required } from '../command-line.ts'

export const participantCommand = command(
  {
    name: 'participant',
    usage: '--config FILE',
    about:
      'Runs a site’s agent: it dials the coordinator, trains on the site’s data when a plan asks and the site’s policy\n' +
      'permits, and sends masked updates. It opens no port. Ctrl-C or SIGTERM ends it after it has left its session.\n' +
      'Try everything first with: blindsum participant check --config FILE',
    options: {
      config: { type: 'string', value: 'FILE', about: 'participant.yaml' },
      drill: {
        type: 'string',
        value: 'POINT@ROUND',
        about: `hold there until killed, for exercises: ${DRILL_POINTS.join(', ')}`,
      },
    },
    words: [],
    example: 'blindsum participant --config participant.yaml',
  },
  async ({ values }) => {
    const { drill } = values
    await runParticipant(required(values.config, 'config'), drill === undefined ? {} : { drill })
    return 0
  },
)
