/**
 * A version record as the statement to sign. For the signer only: the verifier reads statements with a reader of its
 * own, so that a mistake here cannot also be the measure it is checked by.
 */
import { encodeHex, sha256Hex } from '../crypto/digest.ts'
import { invariant } from '../errors.ts'
import { encodeCanonical } from './canonical-file.ts'
import {
  BUILD_TYPE,
  DEPENDENCY,
  invocationId,
  PREDICATE_TYPE,
  STATEMENT_TYPE,
  type Statement,
  statementSchema,
} from './statement.ts'
import type { SessionClaim, VersionRecord } from './version-record.ts'

type Dependency = Statement['predicate']['buildDefinition']['resolvedDependencies'][number]

/** The statement of `record`. Throws InvariantError for a record that no version can have, such as a NaN metric. */
export function buildStatement(record: VersionRecord): Statement {
  const { version, parent, session } = record
  invariant((version === 0) === (parent === null), `version ${version} ${parent ? 'has a' : 'lacks its'} parent`)
  invariant((version === 0) === (session === null), `version ${version} ${session ? 'has a' : 'lacks its'} session`)
  const statement: Statement = {
    _type: STATEMENT_TYPE,
    subject: [{ name: record.model.name, digest: { sha256: record.model.sha256 } }],
    predicateType: PREDICATE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { run: record.runName, version },
        internalParameters: {
          runId: record.runId,
          modelBytes: record.model.bytes,
          aggregation: record.aggregation,
          session: session && statedSession(session),
        },
        resolvedDependencies: dependencies(record),
      },
      runDetails: {
        builder: { id: record.coordinatorId, version: { blindsum: record.softwareVersion } },
        metadata: {
          invocationId: invocationId(record.runId, version),
          startedOn: new Date(record.startedAtMs).toISOString(),
          finishedOn: new Date(record.finishedAtMs).toISOString(),
        },
        byproducts: [
          {
            name: 'metrics',
            digest: { sha256: sha256Hex(encodeCanonical(record.metrics)) },
            annotations: { ...record.metrics },
          },
        ],
      },
    },
  }
  const checked = statementSchema.safeParse(statement)
  invariant(checked.success, `a version record that cannot be stated: ${checked.error?.message}`)
  return statement
}

function statedSession(
  session: SessionClaim,
): Statement['predicate']['buildDefinition']['internalParameters']['session'] {
  return {
    contextDigest: encodeHex(session.contextDigest),
    rosterDigest: encodeHex(session.rosterDigest),
    rosterSize: session.rosterSize,
    survivors: [...session.survivors],
    survivorsDigest: encodeHex(session.survivorsDigest),
  }
}

/** Parent, plan, session record, then a receipt per survivor. */
function dependencies(record: VersionRecord): Dependency[] {
  const { parent, session } = record
  const list: Dependency[] = []
  if (parent !== null) {
    const annotations = { version: parent.version }
    list.push({ name: DEPENDENCY.parentModel, digest: { sha256: parent.modelSha256 }, annotations })
    list.push({ name: DEPENDENCY.parentProvenance, digest: { sha256: parent.provenanceSha256 }, annotations })
  }
  list.push({ name: DEPENDENCY.plan, digest: { sha256: encodeHex(record.planDigest) } })
  if (session !== null) {
    list.push({ name: DEPENDENCY.sessionRecord, digest: { sha256: session.recordSha256 } })
    for (const { spiffeId, sha256 } of session.receipts) list.push({ name: spiffeId, digest: { sha256 } })
  }
  return list
}
