/**
 * A statement's bytes back as a version record. In: bytes whose signature was verified. Out: the record, or why the
 * statement is not one of ours. Everything the statement says twice must agree.
 */
import { sha256Hex } from '../crypto/digest.ts'
import { bytesOfHex, type Decoded, decodeCanonical, encodeCanonical, refused } from './canonical-file.ts'
import { DEPENDENCY, invocationId, type Statement, statementSchema } from './statement.ts'
import type { ParentClaim, SessionClaim, VersionRecord } from './version-record.ts'

type Dependency = Statement['predicate']['buildDefinition']['resolvedDependencies'][number]

/** Reads the payload of a provenance envelope. */
export function readStatement(payload: Uint8Array): Decoded<VersionRecord> {
  const decoded = decodeCanonical(payload, statementSchema, 'statement')
  if (!decoded.ok) return decoded
  const { buildDefinition, runDetails } = decoded.value.predicate
  const { externalParameters, internalParameters } = buildDefinition
  const { version } = externalParameters
  const dependencies = readDependencies(buildDefinition.resolvedDependencies, version)
  if (!dependencies.ok) return dependencies
  const { parent, planSha256, recordSha256, receipts } = dependencies.value
  const { session: stated, runId } = internalParameters
  if ((stated === null) !== (recordSha256 === null)) return refused('statement: a session without its record')
  const { metadata, builder } = runDetails
  const [metrics] = runDetails.byproducts
  if (metadata.invocationId !== invocationId(runId, version)) return refused('statement: invocationId of another run')
  if (metrics.digest.sha256 !== sha256Hex(encodeCanonical(metrics.annotations))) {
    return refused('statement: the metrics do not have the digest beside them')
  }
  const startedAtMs = readTime(metadata.startedOn)
  const finishedAtMs = readTime(metadata.finishedOn)
  if (startedAtMs === null || finishedAtMs === null) return refused('statement: no such time')
  const [subject] = decoded.value.subject
  const session: SessionClaim | null =
    stated === null || recordSha256 === null
      ? null
      : {
          recordSha256,
          contextDigest: bytesOfHex(stated.contextDigest),
          rosterDigest: bytesOfHex(stated.rosterDigest),
          rosterSize: stated.rosterSize,
          survivors: stated.survivors,
          survivorsDigest: bytesOfHex(stated.survivorsDigest),
          receipts,
        }
  return {
    ok: true,
    value: {
      runId,
      runName: externalParameters.run,
      coordinatorId: builder.id,
      softwareVersion: builder.version.blindsum,
      version,
      planDigest: bytesOfHex(planSha256),
      model: { name: subject.name, sha256: subject.digest.sha256, bytes: internalParameters.modelBytes },
      parent,
      session,
      aggregation: internalParameters.aggregation,
      metrics: metrics.annotations,
      startedAtMs,
      finishedAtMs,
    },
  }
}

interface Dependencies {
  readonly parent: ParentClaim | null
  readonly planSha256: string
  readonly recordSha256: string | null
  readonly receipts: readonly { readonly spiffeId: string; readonly sha256: string }[]
}

/** Version 0 depends on the plan alone; every other on parent model, parent provenance, plan, session record, receipts. */
function readDependencies(list: readonly Dependency[], version: number): Decoded<Dependencies> {
  const names =
    version === 0
      ? [DEPENDENCY.plan]
      : [DEPENDENCY.parentModel, DEPENDENCY.parentProvenance, DEPENDENCY.plan, DEPENDENCY.sessionRecord]
  const wrong = names.findIndex((name, place) => list[place]?.name !== name)
  if (wrong >= 0) return refused(`statement: dependency ${wrong + 1} is not ${names[wrong]}`)
  const [first, second, third, fourth, ...rest] = list
  if (first === undefined) return refused('statement: no dependencies')
  if (version === 0) {
    if (list.length > 1 || first.annotations) return refused('statement: version 0 depends on the plan alone')
    return { ok: true, value: { parent: null, planSha256: first.digest.sha256, recordSha256: null, receipts: [] } }
  }
  if (second === undefined || third === undefined || fourth === undefined) return refused('statement: no dependencies')
  const parentVersion = first.annotations?.version
  if (parentVersion === undefined || second.annotations?.version !== parentVersion) {
    return refused('statement: the parent model and its provenance are not of one version')
  }
  if ([third, fourth, ...rest].some((dependency) => dependency.annotations)) {
    return refused('statement: only parents carry a version')
  }
  return {
    ok: true,
    value: {
      parent: {
        version: parentVersion,
        modelSha256: first.digest.sha256,
        provenanceSha256: second.digest.sha256,
      },
      planSha256: third.digest.sha256,
      recordSha256: fourth.digest.sha256,
      receipts: rest.map(({ name, digest }) => ({ spiffeId: name, sha256: digest.sha256 })),
    },
  }
}

/** Milliseconds of a text of the schema's form; null for days that no calendar has. */
function readTime(text: string): number | null {
  const milliseconds = Date.parse(text)
  return Number.isNaN(milliseconds) || new Date(milliseconds).toISOString() !== text ? null : milliseconds
}
