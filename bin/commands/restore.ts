/** `blindsum restore`: a coordinator's data folder from a backup, verified before anything of it is in its place. */
import { readCoordinatorConfig } from '../../coordinator/config.ts'
import { restore } from '../../coordinator/data-folder/restore.ts'
import { command, JSON_OPTION, required } from '../command-line.ts'
import { folderFindingLines } from '../folder-findings.ts'
import { printJson, printLine } from '../print.ts'
import { grouped } from '../text-table.ts'

export const restoreCommand = command(
  {
    name: 'restore',
    usage: '--from FOLDER --config FILE',
    about:
      'Makes the data folder that the config names, which must be new or empty, from a backup. Everything is verified first,\n' +
      'signatures included; a coordinator that is started meanwhile, or after an interrupted restore, refuses to.',
    options: {
      from: { type: 'string', value: 'FOLDER', about: 'what `blindsum backup` made' },
      config: { type: 'string', value: 'FILE', about: 'coordinator.yaml' },
      ...JSON_OPTION,
    },
    words: [],
    example: 'blindsum restore --from /backups/2026-11-21 --config coordinator.yaml',
  },
  async ({ values }) => {
    const from = required(values.from, 'from')
    const config = readCoordinatorConfig(required(values.config, 'config'))
    const { dataFolder, provenance } = config
    const { manifest, findings, isKeyThere } = await restore({ from, dataFolder, keyFile: provenance.key })
    if (values.json) {
      const { madeAt, runs, versions, keyHint } = manifest
      printJson({ ok: true, dataFolder, madeAt, runs, versions, isKeyThere, keyHint, findings })
      return 0
    }
    for (const found of findings.filter(({ check }) => check !== 'folder')) printLine(folderFindingLines(found))
    const { runs, versions, madeAt } = manifest
    printLine(`${dataFolder}: ${grouped(runs)} runs, ${grouped(versions)} versions, as they were at ${madeAt}`)
    if (!isKeyThere) {
      printLine(`put the signing key at ${provenance.key} before you start: with another, no version continues these`)
    }
    return 0
  },
)
