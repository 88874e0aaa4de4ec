/**
 * Every run's history, verified as `blindsum verify` does it: from the newest version back to the first, signatures,
 * lineage, session records and receipts; and the rows held to what was signed.
 */
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256Hex } from '../../shared/crypto/digest.ts'
import {
  chainPath,
  exportPaths,
  MODEL_PATH,
  PLAN_PATH,
  PROVENANCE_PATH,
  sessionPath,
} from '../../shared/provenance/export-layout.ts'
import type { ExportFolder } from '../../shared/provenance/verify/export-folder.ts'
import type { ProvenanceKey } from '../../shared/provenance/verify/public-key.ts'
import { verifyVersion } from '../../shared/provenance/verify/verify-version.ts'
import { type FolderFinding, finding } from './finding.ts'
import { BLOBS_FOLDER, blobPath, isDigest } from './layout.ts'
import type { Row, StoredRows } from './stored-rows.ts'

export function checkHistory(dataFolder: string, stored: StoredRows, key: ProvenanceKey): FolderFinding {
  const plans = new Map(stored.rows('plan').map(({ digest, document }) => [digest, String(document)]))
  const runs = stored.rows('run')
  let verified = 0
  const problems = runs.flatMap((run) => {
    const versions = stored.rows('version', `WHERE run_id = '${quoted(run.id)}' ORDER BY version`)
    const head = versions.at(-1)
    if (head === undefined) return []
    const plan = plans.get(run.plan_digest ?? '') ?? ''
    const folder = historyAsFolder(join(dataFolder, BLOBS_FOLDER), versions, plan)
    const report = verifyVersion(folder, { key, trustBundle: null, receiptsWaived: true })
    verified += report.lineage.length
    const { firstBroken } = report
    if (firstBroken !== null) {
      const of = firstBroken.version === null ? '' : ` version ${firstBroken.version},`
      return [`run ${run.name}:${of} ${firstBroken.name}: ${firstBroken.code}: ${firstBroken.detail}`]
    }
    const isSame = report.run?.id === run.id && report.run?.name === run.name && report.version === head.version
    if (!isSame) return [`run ${run.name}: what was signed is version ${report.version} of run ${report.run?.name}`]
    return report.lineage
      .filter(({ version, modelSha256 }) => versions[version]?.model_digest !== modelSha256)
      .map(({ version }) => `run ${run.name}: version ${version} is kept with another model than was signed`)
  })
  return finding('history', `${verified} versions of ${runs.length} runs verified with the public key`, problems)
}

/** The head as an export of it would lie in a folder; the bytes are those of the blobs. */
function historyAsFolder(blobs: string, versions: readonly Row[], plan: string): ExportFolder {
  const head = versions.length - 1
  const digests = new Map<string, Row[string] | undefined>([
    [MODEL_PATH, versions[head]?.model_digest],
    [PROVENANCE_PATH, versions[head]?.provenance_digest],
  ])
  versions.forEach((row, version) => {
    if (version < head) digests.set(chainPath(version), row.provenance_digest)
    if (version > 0) digests.set(sessionPath(version), row.session_record_digest)
  })
  const read = (path: string) => {
    if (path === PLAN_PATH) return new TextEncoder().encode(plan)
    const digest = digests.get(path)
    return typeof digest === 'string' && isDigest(digest) ? readIfThere(join(blobs, blobPath(digest))) : null
  }
  return {
    paths: exportPaths(head),
    read,
    measure: (path) => {
      const bytes = read(path)
      return bytes === null ? null : { sha256: sha256Hex(bytes), bytes: bytes.length }
    },
  }
}

function readIfThere(file: string): Uint8Array | null {
  let handle: number
  try {
    handle = openSync(file, 'r')
  } catch {
    return null
  }
  try {
    return new Uint8Array(readFileSync(handle))
  } finally {
    closeSync(handle)
  }
}

function quoted(value: Row[string] | undefined): string {
  return String(value).replaceAll("'", "''")
}
