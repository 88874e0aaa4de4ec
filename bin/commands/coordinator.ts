/** `blindsum coordinator`: one process, one folder, two mutually authenticated ports, until it is asked to stop. */
import { readCoordinatorConfig } from '../../coordinator/config.ts'
import { checkDataFolder } from '../../coordinator/data-folder/check-data-folder.ts'
import type { FolderFinding } from '../../coordinator/data-folder/finding.ts'
import { COORDINATOR_DRILL_POINTS } from '../../coordinator/drill.ts'
import { runCoordinator } from '../../coordinator/main.ts'
import { command, required, UsageError } from '../command-line.ts'
import { folderFindingLines, folderVerdict } from '../folder-findings.ts'
import { printJson, printLine } from '../print.ts'

export const coordinatorCommand = command(
  {
    name: 'coordinator',
    usage: '--config FILE [--check] [--drill POINT@ROUND]',
    about:
      'Runs the coordinator: participants and operators connect to it over mutually authenticated TLS 1.3. Ctrl-C or\n' +
      'SIGTERM lets live sessions finish, a second one ends it at once. Started again, it goes on with every running run,\n' +
      'and with the session it was at, however it ended.\n' +
      'Its log is one JSON object per line (readable text on a terminal); the ports are in <dataFolder>/listening.json.',
    options: {
      config: { type: 'string', value: 'FILE', about: 'coordinator.yaml' },
      drill: {
        type: 'string',
        value: 'POINT@ROUND',
        about: `hold there until killed, for exercises: ${COORDINATOR_DRILL_POINTS.join(', ')}`,
      },
      check: {
        type: 'boolean',
        about: 'verify the whole data folder instead, and change nothing; exit 0 when it is whole',
      },
      json: { type: 'boolean', about: 'with --check: print one JSON object' },
    },
    words: [],
    example: 'blindsum coordinator --config coordinator.yaml',
  },
  async ({ values }) => {
    const { drill, check, json } = values
    const configFile = required(values.config, 'config')
    if (check) return await checkAndTell(configFile, json)
    if (json) throw new UsageError('--json needs --check; the log of a coordinator is JSON as it is')
    await runCoordinator(configFile, drill === undefined ? {} : { drill })
    return 0
  },
)

async function checkAndTell(configFile: string, asJson: boolean): Promise<number> {
  const { dataFolder, provenance } = readCoordinatorConfig(configFile)
  const tell = (found: FolderFinding) => printLine(folderFindingLines(found))
  const findings = await checkDataFolder({ dataFolder, keyFile: provenance.key }, asJson ? undefined : tell)
  const ok = findings.every(({ verdict }) => verdict !== 'broken')
  if (asJson) printJson({ ok, dataFolder, findings })
  else printLine(folderVerdict(findings))
  return ok ? 0 : 1
}
