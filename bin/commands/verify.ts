/**
 * `blindsum verify DIR`: checks an exported model version from files alone, offline. What it trusts comes from the
 * command line and lies outside DIR. It loads neither the network nor the training stack, and nothing of the signer.
 * Exit codes: 0 verified, 1 refused, 2 wrong usage.
 */
import { readFileSync, realpathSync } from 'node:fs'
import { relative, sep } from 'node:path'
import { ConfigError } from '../../shared/errors.ts'
import { parseTrustBundle, type TrustBundle } from '../../shared/identity/trust-bundle.ts'
import { parsePlan } from '../../shared/plan/plan-document.ts'
import { PLAN_PATH } from '../../shared/provenance/export-layout.ts'
import type { ExportFolder } from '../../shared/provenance/verify/export-folder.ts'
import type { Link } from '../../shared/provenance/verify/link.ts'
import { parseProvenanceKey } from '../../shared/provenance/verify/public-key.ts'
import { trustDomainOf } from '../../shared/provenance/verify/session-link.ts'
import { type VerificationReport, verifyVersion } from '../../shared/provenance/verify/verify-version.ts'
import { command, JSON_OPTION, required, UsageError } from '../command-line.ts'
import { fileErrorWords } from '../file-error-words.ts'
import { openExportFolder } from './verify-folder.ts'
import { reportAsJson, reportAsText } from './verify-report.ts'

interface VerifyRequest {
  readonly folder: string
  readonly keyFile: string
  readonly trustBundleFile: string | null
  readonly trustDomain: string | null
  readonly receiptsWaived: boolean
}

/** Checks one exported folder and prints its lineage and the first broken link. */
export const verifyCommand = command(
  {
    name: 'verify',
    usage: 'DIR --key PUB --trust-bundle FILE',
    about:
      'Checks the model in an exported folder: its bytes, the signature of its provenance, every version back to the\n' +
      "plan's initial model, and the receipts of the sites behind each version. Works offline, from files alone.",
    words: ['DIR'],
    options: {
      key: { type: 'string', value: 'PUB', about: 'public key of the coordinator that published the model (PEM)' },
      'trust-bundle': {
        type: 'string',
        value: 'FILE',
        about: "the sites' trust bundle (SPIFFE JWKS); roots inside DIR are never trusted",
      },
      'trust-domain': {
        type: 'string',
        value: 'NAME',
        about: 'trust domain of that bundle (default: that of the sites in the plan)',
      },
      'no-receipts': { type: 'boolean', about: "accept that nobody's certificates are checked" },
      ...JSON_OPTION,
    },
    example: 'blindsum verify ./digits-v12 --key coordinator.pub.pem --trust-bundle sites.bundle.json',
  },
  async ({ values, words: [folder = '.'] }) => {
    const request = {
      folder,
      keyFile: required(values.key, 'key'),
      trustBundleFile: values['trust-bundle'] ?? null,
      trustDomain: values['trust-domain'] ?? null,
      receiptsWaived: values['no-receipts'],
    }
    if (request.trustBundleFile !== null && request.receiptsWaived) {
      throw new UsageError('--no-receipts and --trust-bundle contradict each other')
    }
    if (request.trustBundleFile === null && request.trustDomain !== null) {
      throw new UsageError('--trust-domain says whose bundle --trust-bundle is, and needs it')
    }
    const report = verifyRequest(request)
    process.stdout.write(values.json ? reportAsJson(report) : reportAsText(report, folder))
    return report.ok ? 0 : 1
  },
)

function verifyRequest(request: VerifyRequest): VerificationReport {
  const folder = openExportFolder(request.folder)
  const key = parseProvenanceKey(readAnchor(request.keyFile, request.folder))
  const trustBundle = readTrustBundle(request, folder)
  return verifyVersion(folder, { key, trustBundle, receiptsWaived: request.receiptsWaived }, showProgress())
}

/** Says on a terminal which version is being checked: a long history takes seconds. */
function showProgress(): (link: Link) => void {
  if (!process.stderr.isTTY) return () => {}
  return ({ version, ok }) => {
    const isOver = !ok || version === 0
    process.stderr.write(`\r\u001b[K${isOver ? '' : `checking version ${version ?? ''} …`}`)
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
    throw new ConfigError('unreadable_file', `${file} cannot be read: ${fileErrorWords(cause)}`, { cause })
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
