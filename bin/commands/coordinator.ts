/** `blindsum coordinator`: one process, one folder, two mutually authenticated ports, until it is asked to stop. */
import { runCoordinator } from '../../coordinator/main.ts'
import { command, required } from '../command-line.ts'

export const coordinatorCommand = command(
  {
    name: 'coordinator',
    usage: '--config FILE',
    about:
      'Runs the coordinator: participants and operators connect to it over mutually authenticated TLS 1.3. Ctrl-C or\n' +
      'SIGTERM lets live sessions finish, a second one ends it at once. Started again, it goes on with every running run.\n' +
      'Its log is one JSON object per line (readable text on a terminal); the ports are in <dataFolder>/listening.json.',
    options: { config: { type: 'string', value: 'FILE', about: 'coordinator.yaml' } },
    words: [],
    example: 'blindsum coordinator --config coordinator.yaml',
  },
  async ({ values }) => {
    await runCoordinator(required(values.config, 'config'))
    return 0
  },
)
