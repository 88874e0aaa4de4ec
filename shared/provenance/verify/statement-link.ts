/**
 * The links that hold one statement: its bundle is well formed, signed with the reader's key, and says what a statement
 * of ours says; and a parent is the one its child names, of the same run, builder and plan.
 */
import { verify } from 'node:crypto'
import { equalBytes, sha256Hex } from '../../crypto/digest.ts'
import { decodeBundle } from '../bundle.ts'
import { preAuthEncoding } from '../dsse.ts'
import { readStatement } from '../read-statement.ts'
import type { VersionRecord } from '../version-record.ts'
import type { ExportFolder } from './export-folder.ts'
import { breakIf, broken, type Holds } from './link.ts'
import type { ProvenanceKey } from './public-key.ts'

/** How far two clocks may stand apart. */
export const CLOCK_TOLERANCE_MS = 10 * 60_000

/** The statement in the bundle at `path`, signed with `key`. */
export function signedStatement(folder: ExportFolder, path: string, key: ProvenanceKey): Holds<VersionRecord> {
  const bytes = folder.read(path)
  if (bytes === null) broken('file_missing', `${path} is missing or cannot be read`)
  const bundle = decodeBundle(bytes)
  if (!bundle.ok) broken('bundle_malformed', `${path}: ${bundle.problem}`)
  const { keyHint, envelope } = bundle.value
  breakIf(keyHint !== key.hint, 'wrong_key', `${path} names key ${keyHint}, the key given is ${key.hint}`)
  const signed = preAuthEncoding(envelope.payloadType, envelope.payload)
  const verifies = verify('sha256', signed, key.key, envelope.signature)
  breakIf(!verifies, 'bad_signature', `${path}: the signature does not verify under key ${key.hint}`)
  const statement = readStatement(envelope.payload)
  if (!statement.ok) broken('statement_malformed', `${path}: ${statement.problem}`)
  const record = statement.value
  breakIf(record.startedAtMs > record.finishedAtMs, 'times_implausible', `${path}: it finished before it began`)
  return { value: record, detail: `signed for ${record.coordinatorId}, run ${record.runName} (${record.runId})` }
}

/** The parent's bundle is byte for byte the one the child names. */
export function namedByChild(folder: ExportFolder, path: string, child: VersionRecord): Holds<null> {
  const expected = child.parent?.provenanceSha256
  const bytes = folder.read(path)
  if (bytes === null) broken('file_missing', `${path} is missing or cannot be read`)
  const found = sha256Hex(bytes)
  breakIf(
    found !== expected,
    'parent_provenance_differs',
    `version ${child.version} names a parent statement ${expected}, ${path} is ${found}`,
  )
  return { value: null, detail: `version ${child.version} names it` }
}

/** Parent and child are neighbours of one history. */
export function continues(parent: VersionRecord, child: VersionRecord): Holds<null> {
  const named = child.parent
  const ordered = named !== null && named.version === child.version - 1 && parent.version === named.version
  breakIf(!ordered, 'version_out_of_order', `version ${child.version} cannot follow version ${parent.version}`)
  breakIf(
    named?.modelSha256 !== parent.model.sha256,
    'parent_model_differs',
    `version ${child.version} began from model ${named?.modelSha256}, version ${parent.version} is ${parent.model.sha256}`,
  )
  const sameRun = parent.runId === child.runId && parent.runName === child.runName
  breakIf(!sameRun, 'run_differs', `version ${parent.version} is of run ${parent.runId}, its child of ${child.runId}`)
  breakIf(
    parent.coordinatorId !== child.coordinatorId,
    'builder_differs',
    `version ${parent.version} was built by ${parent.coordinatorId}, its child by ${child.coordinatorId}`,
  )
  breakIf(
    !equalBytes(parent.planDigest, child.planDigest),
    'plan_differs',
    `versions ${parent.version} and ${child.version} follow two plans`,
  )
  breakIf(
    child.startedAtMs < parent.finishedAtMs - CLOCK_TOLERANCE_MS,
    'times_implausible',
    `version ${child.version} began before version ${parent.version} was finished`,
  )
  return { value: null, detail: `continues version ${parent.version}` }
}
