/** `blindsum model list|show|export`: the published versions of a run. */
import { encodeHex } from '../../shared/crypto/digest.ts'
import { ConfigError } from '../../shared/errors.ts'
import { MODEL_PATH } from '../../shared/provenance/export-layout.ts'
import type { VersionSummary } from '../../shared/wire/generated/blindsum/v1/operator.ts'
import { command, JSON_OPTION, required, UsageError } from '../command-line.ts'
import { writeExport } from '../export-folder.ts'
import { withOperator } from '../operator-client.ts'
import { OPERATOR_OPTIONS, operatorConnection } from '../operator-options.ts'
import { printJson, printLine } from '../print.ts'
import { percent, textTable, utcTime } from '../text-table.ts'

const VERSION_OPTION = {
  version: { type: 'string', value: 'N', about: 'a number, "latest" or "best"; default best' },
} as const

/** Securely summed means; a name is absent when nobody had examples for it. */
type Metrics = { readonly trainLoss?: number; readonly evalLoss?: number; readonly evalAccuracy?: number }

export const modelListCommand = command(
  {
    name: 'model list',
    usage: 'RUN',
    about: 'Lists the published versions of a run with their securely summed metrics.',
    options: { ...OPERATOR_OPTIONS, ...JSON_OPTION },
    words: ['RUN'],
    example: 'blindsum model list digits --operator operator.yaml',
  },
  async ({ values, words }) => {
    const versions = await withOperator(operatorConnection(values), (operator) => operator.versions(words[0] ?? ''))
    if (values.json) printJson({ ok: true, versions: versions.map(versionAsJson) })
    else process.stdout.write(textTable(HEADINGS, versions.map(versionRow)))
    return 0
  },
)

export const modelShowCommand = command(
  {
    name: 'model show',
    usage: 'RUN',
    about: 'Shows one published version of a run.',
    options: { ...VERSION_OPTION, ...OPERATOR_OPTIONS, ...JSON_OPTION },
    words: ['RUN'],
    example: 'blindsum model show digits --version best --operator operator.yaml',
  },
  async ({ values, words }) => {
    const wanted = versionWord(values.version)
    const run = words[0] ?? ''
    const versions = await withOperator(operatorConnection(values), (operator) => operator.versions(run))
    const found =
      wanted === 'latest'
        ? versions.at(-1)
        : versions.find(({ best, version }) => (wanted === 'best' ? best : version === Number(wanted)))
    if (found === undefined) {
      const newest = versions.at(-1)?.version ?? 0
      throw new ConfigError('version_unknown', `run ${run} has no version ${wanted}; it has 0 to ${newest}`)
    }
    if (values.json) printJson({ ok: true, ...versionAsJson(found) })
    else {
      const { trainLoss, evalLoss, evalAccuracy } = metricsOf(found)
      printLine(`version    ${found.version}${found.best ? ' (best)' : ''}`)
      printLine(`SHA-256    ${encodeHex(found.modelDigest)}`)
      printLine(`published  ${utcTime(found.publishedAtMs)}`)
      printLine(`sites      ${found.version === 0 ? 'initial model' : `${found.survivors} of ${found.roster}`}`)
      printLine(`train loss ${trainLoss?.toFixed(4) ?? '–'}`)
      printLine(`loss       ${evalLoss?.toFixed(4) ?? '–'}`)
      printLine(`accuracy   ${percent(evalAccuracy)}`)
    }
    return 0
  },
)

export const modelExportCommand = command(
  {
    name: 'model export',
    usage: 'RUN --out FOLDER',
    about:
      'Fetches one version as a folder: the model as one standard ONNX file, its signed provenance, and everything that\n' +
      '`blindsum verify` needs to follow it back to version 0, except the keys you trust.',
    options: {
      ...VERSION_OPTION,
      out: { type: 'string', value: 'FOLDER', about: 'a new folder' },
      ...OPERATOR_OPTIONS,
      ...JSON_OPTION,
    },
    words: ['RUN'],
    example: 'blindsum model export digits --version best --out ./digits-best --operator operator.yaml',
  },
  async ({ values, words }) => {
    const folder = required(values.out, 'out')
    const version = versionWord(values.version)
    const connection = operatorConnection(values)
    const written = await withOperator(connection, (operator) =>
      writeExport(folder, operator.exportVersion(words[0] ?? '', version)),
    )
    if (values.json) printJson({ ok: true, folder, model: `${folder}/${MODEL_PATH}`, files: written })
    else {
      printLine(`wrote ${written} files into ${folder}; the model is ${folder}/${MODEL_PATH}`)
      printLine(`verify it with: blindsum verify ${folder} --key signing.pub.pem --trust-bundle bundle.json`)
    }
    return 0
  },
)

const HEADINGS = ['version', 'sites', 'train loss', 'loss', 'accuracy', 'best', 'published', 'SHA-256']

function versionRow(version: VersionSummary): string[] {
  const { trainLoss, evalLoss, evalAccuracy } = metricsOf(version)
  return [
    String(version.version),
    version.version === 0 ? '–' : `${version.survivors}/${version.roster}`,
    trainLoss?.toFixed(4) ?? '–',
    evalLoss?.toFixed(4) ?? '–',
    percent(evalAccuracy),
    version.best ? 'best' : '',
    utcTime(version.publishedAtMs),
    encodeHex(version.modelDigest).slice(0, 16),
  ]
}

function versionAsJson(version: VersionSummary): object {
  return {
    version: version.version,
    sha256: encodeHex(version.modelDigest),
    publishedAt: new Date(version.publishedAtMs).toISOString(),
    survivors: version.survivors,
    roster: version.roster,
    metrics: metricsOf(version),
    best: version.best,
  }
}

function metricsOf(version: VersionSummary): Metrics {
  return JSON.parse(version.metrics || '{}')
}

function versionWord(text = 'best'): string {
  if (/^([0-9]{1,9}|latest|best)$/.test(text)) return text
  throw new UsageError(`--version must be a number, "latest" or "best", not "${text}"`)
}
