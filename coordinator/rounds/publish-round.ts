/**
 * The last step of a round: the new model from the old one and the mean, its session record and signed provenance, then
 * one version. A mean that would make a parameter non-finite is refused.
 */
import { encodeHex, sha256Hex } from '../../shared/crypto/digest.ts'
import { decodeModel } from '../../shared/onnx/decode.ts'
import { extractParameters, withParameters } from '../../shared/onnx/parameters.ts'
import { aggregationClaim } from '../../shared/provenance/aggregation-claim.ts'
import { sessionClaimOf, sessionRecordOf } from '../../shared/provenance/session-record.ts'
import { encodeSessionRecord } from '../../shared/provenance/session-record-file.ts'
import { SOFTWARE_VERSION } from '../../shared/runtime/software-version.ts'
import type { Run } from '../registry/runs.ts'
import type { AttemptClosing } from '../registry/session-attempts.ts'
import type { NewVersion, Version } from '../registry/versions.ts'
import type { SessionEnd } from '../session-runner/session-runner.ts'
import { applyMean } from './apply.ts'
import { metricsOf } from './round-metrics.ts'
import type { RoundTools } from './tools.ts'

export interface RoundToPublish {
  readonly run: Run
  /** The version trained from; its successor is published. */
  readonly parent: Version
  readonly end: Extract<SessionEnd, { kind: 'completed' }>
  /** Ends the attempt in the transaction that publishes. */
  readonly closing: AttemptClosing
  readonly startedAtMs: number
  readonly bytesUpPerSite: number
}

export type Published = { readonly ok: true } | { readonly ok: false; readonly message: string }

export async function publishRound(round: RoundToPublish, tools: RoundTools): Promise<Published> {
  const { run, parent, end, closing, startedAtMs } = round
  const version = parent.version + 1
  await tools.drill.reach('hold-before-publication', version)
  const { frozen } = run.plan.model
  const model = decodeModel(await tools.blobs.get(parent.modelDigest))
  const applied = applyMean(
    extractParameters(model, frozen).values,
    end.sum.weightedMean,
    run.plan.aggregation.serverLearningRate,
  )
  if (!applied.ok) return applied
  const bytes = withParameters(model, frozen, applied.parameters)
  const record = sessionRecordOf({
    context: end.session.setup.context,
    entries: end.session.roster.entries,
    lines: end.session.roster.lines,
    certificate: end.session.certificate,
    contributions: new Map(end.session.contributions),
  })
  const { training, evaluation } = metricsOf(end.sum.scalars)
  const finishedAtMs = tools.nowMs()
  const modelSha256 = sha256Hex(bytes)
  const provenance = tools.signer.signVersion({
    runId: run.id,
    runName: run.name,
    coordinatorId: tools.identity.current().spiffeId,
    softwareVersion: SOFTWARE_VERSION,
    version,
    planDigest: run.planDigest,
    model: { name: 'model.onnx', sha256: modelSha256, bytes: bytes.length },
    parent: {
      version: parent.version,
      modelSha256: parent.modelDigest,
      provenanceSha256: parent.provenanceDigest,
    },
    session: sessionClaimOf(record),
    aggregation: aggregationClaim(run.plan),
    metrics: { ...training, ...evaluation },
    startedAtMs,
    finishedAtMs,
  })
  const published: NewVersion = {
    runId: run.id,
    version,
    model: bytes,
    provenance,
    sessionRecord: encodeSessionRecord(record),
    training,
    evaluation,
    event: {
      version,
      modelSha256,
      survivors: end.session.survivors.length,
      roster: end.session.roster.entries.length,
      metrics: { ...training, ...evaluation },
      bytesUpPerSite: round.bytesUpPerSite,
      float32Bytes: 4 * run.plan.model.parameterCount,
      seconds: (finishedAtMs - startedAtMs) / 1000,
    },
  }
  await tools.versions.publish(published, closing, () => tools.drill.reach('hold-before-version-row', version))
  await tools.drill.reach('hold-after-version-row', version)
  const { sessionId } = end.session.setup.context
  tools.log.info({ run: run.name, round: version, session: encodeHex(sessionId), model: modelSha256 }, 'published')
  return { ok: true }
}
