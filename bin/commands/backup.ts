/** `blindsum backup`: the coordinator's data folder as it is now, in a folder of its own, while the coordinator runs. */
import { readCoordinatorConfig } from '../../coordinator/config.ts'
import { backUp } from '../../coordinator/data-folder/backup.ts'
import { command, JSON_OPTION, required } from '../command-line.ts'
import { printJson, printLine } from '../print.ts'
import { byteSize, grouped } from '../text-table.ts'

export const backupCommand = command(
  {
    name: 'backup',
    usage: '--config FILE --to FOLDER',
    about:
      'Copies runs, versions and all their files into a new folder, each verified on the way; the coordinator may be running.\n' +
      'Live sessions stay behind, and so does the signing key: keep that elsewhere, no version can follow without it.',
    options: {
      config: { type: 'string', value: 'FILE', about: 'coordinator.yaml' },
      to: { type: 'string', value: 'FOLDER', about: 'a new or empty folder; it appears whole or not at all' },
      ...JSON_OPTION,
    },
    words: [],
    example: 'blindsum backup --config coordinator.yaml --to /backups/2026-11-21',
  },
  async ({ values }) => {
    const config = readCoordinatorConfig(required(values.config, 'config'))
    const to = required(values.to, 'to')
    const manifest = await backUp({ dataFolder: config.dataFolder, keyFile: config.provenance.key, to })
    const { runs, versions, blobs, store, sessionsLeftOut } = manifest
    const bytes = store.bytes + blobs.reduce((sum, blob) => sum + blob.bytes, 0)
    if (values.json) {
      printJson({
        ok: true,
        to,
        runs,
        versions,
        blobs: blobs.length,
        bytes,
        sessionsLeftOut,
        keyHint: manifest.keyHint,
      })
      return 0
    }
    printLine(
      `${to}: ${grouped(runs)} runs, ${grouped(versions)} versions, ${grouped(blobs.length)} files, ${byteSize(bytes)}`,
    )
    if (sessionsLeftOut > 0)
      printLine(`${sessionsLeftOut} live sessions were left out: their rounds begin anew after a restore`)
    printLine(`not in it: the signing key ${config.provenance.key}`)
    return 0
  },
)
