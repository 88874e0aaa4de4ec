/**
 * `blindsum verify DIR`: checks an exported model version from files alone, offline. What it trusts comes from the
 * command line and lies outside DIR. It loads neither the network nor the training stack, and nothing of the signer.
 * Exit codes: 0 verified, 1 refused, 2 wrong usage.
 */
import { readFileSync, realpathSync } from 'node:fs'
import { relative, sep } from 'node:path'
import { parseArgs } from 'node:util'
import { ConfigError } from '../../shared/errors.ts'
import { parseTrustBundle, type TrustBundle } from '../../shared/identity/trust-bundle.ts'
import { parsePlan } from '../../shared/plan/plan-document.ts'
import { PLAN_PATH } from '../../shared/provenance/export-layout.ts'
import type { ExportFolder } from '../../shared/provenance/verify/export-folder.ts'
import { parseProvenanceKey } from '../../shared/provenance/verify/public-key.ts'
import { trustDomainOf } from '../../shared/provenance/verify/session-link.ts'
import { verifyVersion } from '../../shared/provenance/verify/verify-version.ts'
import { openExportFolder } from './verify-folder.ts'
import { reportAsJson, reportAsText } from './verify-report.ts'

const HELP = `Usage: blindsum verify DIR --key PUB --trust-bundle FILE [options]

Checks the model in an exported folder: its bytes, the signature of its provenance, every version back to the plan's
initial model, and the receipts of the sites behind each version. Works offline, from files alone.

  --key PUB              public key of the coordinator that published the model (PEM); required
  --trust-bundle FILE    the sites' trust bundle (SPIFFE JWKS); roots inside DIR are never trusted
  --trust-domain NAME    the trust domain the bundle is of (default: that of the sites in the plan)
  --no-receipts          accept that nobody's certificates are checked
  --json                 print one JSON object
  --help                 print this

Example:
  blindsum verify ./digits-v12 --key coordinator.pub.pem --trust-bundle sites.bundle.json
`

/** Runs the command with the words after `verify`; returns the exit code. */
export async function verifyCommand(args: string[]): Promise<number> {
  const request = readArguments(args)
  if (request === 'help') {
    process.stdout.write(HELP)
    return 0
  }
  if (typeof request === 'string') {
    process.stderr.write(`blindsum verify: ${request}\nTry: blindsum verify --help\n`)
    return 2
  }
  try {
    const folder = openExportFolder(request.folder)
    const key = parseProvenanceKey(readAnchor(request.keyFile, request.folder))
    const trustBundle = readTrustBundle(request, folder)
    const report = verifyVersion(folder, { key, trustBundle, receiptsWaived: request.receiptsWaived })
    process.stdout.write(request.json ? reportAsJson(report) : reportAsText(report, request.folder))
    return report.ok ? 0 : 1
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    if (request.json)
      process.stdout.write(`${JSON.stringify({ ok: false, error: error.code, problems: error.problems })}\n`)
    process.stderr.write(`blindsum verify: ${error.message}\n`)
    return 1
  }
}

interface VerifyRequest {
  readonly folder: string
  readonly keyFile: string
  readonly trustBundleFile: string | null
  readonly trustDomain: string | null
  readonly receiptsWaived: boolean
  readonly json: boolean
}

/** The request, 'help', or what is wrong with the usage. */
function readArguments(args: string[]): VerifyRequest | string {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        key: { type: 'string' },
        'trust-bundle': { type: 'string' },
        'trust-domain': { type: 'string' },
        'no-receipts': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    const [folder] = positionals
    const bundle = values['trust-bundle'] ?? null
    if (values.help) return 'help'
    if (folder === undefined || positionals.length > 1) return `expected one folder, got ${positionals.length}`
    if (values.key === undefined) return "--key is required: the coordinator's public key, from a source you trust"
    if (bundle !== null && values['no-receipts']) return '--no-receipts and --trust-bundle contradict each other'
    if (bundle === null && values['trust-domain'] !== undefined) return '--trust-domain needs --trust-bundle'
    return {
      folder,
      keyFile: values.key,
      trustBundleFile: bundle,
      trustDomain: values['trust-domain'] ?? null,
      receiptsWaived: values['no-receipts'],
      json: values.json,
    }
  } catch (error) {
    return (error as Error).message
  }
}

/** Text of a file that the reader trusts: it must not come from the folder it is to judge. */
function readAnchor(file: string, folder: string): string {
  let place: string
  let content: string
  try {
    place = relative(realpathSync(folder), realpathSync(file))
    content = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigError('unreadable_file', `${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
  if (place !== '..' && !place.startsWith(`..${sep}`)) {
    throw new ConfigError(
      'anchor_inside_folder',
      `${file} lies inside the folder to be verified, so whoever made one could have made the other; get it elsewhere`,
    )
  }
  return content
}

/** The sites' bundle. It does not name its trust domain, so the reader does, or else the plan. */
function readTrustBundle(request: VerifyRequest, folder: ExportFolder): TrustBundle | null {
  if (request.trustBundleFile === null) return null
  const text = readAnchor(request.trustBundleFile, request.folder)
  const parsed = parseTrustBundle(text, request.trustDomain ?? plannedTrustDomain(folder))
  if (!parsed.ok) throw new ConfigError(parsed.code, `${request.trustBundleFile}: ${parsed.message}`)
  return parsed.bundle
}

/** The domain the plan's sites are of; a plan that cannot be read is the verifier's to report, so any name will do. */
function plannedTrustDomain(folder: ExportFolder): string {
  const bytes = folder.read(PLAN_PATH)
  try {
    return bytes === null ? 'unknown' : trustDomainOf(parsePlan(bytes))
  } catch {
    return 'unknown'
  }
}
