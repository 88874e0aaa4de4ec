/**
 * Model versions. Publishing stores model, provenance and session record as blobs first, then one transaction writes the
 * row, the judgement of the version trained from, and the event: after a crash either all of a version is there or nothing.
 */
import { encodeHex } from '../../shared/crypto/digest.ts'
import { ConfigError, invariant } from '../../shared/errors.ts'
import type { PlanSignature } from '../../shared/plan/plan-signature.ts'
import { planSignatureToForm } from '../../shared/plan/plan-signature-form.ts'
import type { BlobStore } from '../store/blobs.ts'
import type { Store } from '../store/database.ts'
import { bestVersion } from './best-version.ts'
import type { EventLog } from './event-log.ts'
import type { FinalEvaluated, RoundMetrics, RunEventBody, VersionPublished } from './run-events.ts'
import type { Run } from './runs.ts'
import { type AttemptClosing, closeAttempt } from './session-attempts.ts'

export interface Version {
  readonly version: number
  /** Blob digests, lower-case hex. */
  readonly modelDigest: string
  readonly provenanceDigest: string
  readonly sessionRecordDigest: string | null
  readonly publishedAtMs: number
  readonly survivors: number
  readonly roster: number
  readonly training: RoundMetrics
  readonly evaluation: RoundMetrics | null
}

/** A new run with its version 0. */
export interface InitialVersion {
  readonly run: { readonly id: string; readonly name: string; readonly submittedBy: string; readonly rounds: number }
  readonly planDocument: Uint8Array
  readonly planDigest: Uint8Array
  readonly planSignature: PlanSignature
  readonly enrolled: number
  readonly modelDigest: string
  readonly provenance: Uint8Array
}

/** Version r ≥ 1: what round r made. */
export interface NewVersion {
  readonly runId: string
  readonly version: number
  readonly model: Uint8Array
  readonly provenance: Uint8Array
  readonly sessionRecord: Uint8Array
  readonly training: RoundMetrics
  /** Of version − 1. */
  readonly evaluation: RoundMetrics
  readonly event: VersionPublished
}

export interface Versions {
  /** Inserts plan, run and version 0 at once. @throws ConfigError `run_name_taken`. */
  publishInitial(initial: InitialVersion): Promise<void>
  /**
   * Publishes the version and ends the attempt that made it, at once. A version of a run that was cancelled meanwhile is
   * dropped. `onStored` is waited for when the files are there and the rows are not.
   */
  publish(version: NewVersion, closing?: AttemptClosing, onStored?: () => Promise<void>): Promise<void>
  /** Records what became of the session after the last round, with the end of its attempt and its events; once per run. */
  recordFinalEvaluation(
    runId: string,
    evaluated: FinalEvaluated,
    ending?: { readonly closing: AttemptClosing; readonly events: readonly RunEventBody[] },
  ): Promise<void>
  list(runId: string): Promise<readonly Version[]>
  /** The blobs that versions name. */
  blobDigests(): Promise<ReadonlySet<string>>
  /** "latest", "best" or a number. @throws ConfigError `version_unknown`. */
  find(run: Run, which: string): Promise<Version>
}

export function openVersions(input: {
  readonly store: Store
  readonly blobs: BlobStore
  readonly events: EventLog
  readonly nowMs: () => number
}): Versions {
  const { store, blobs, events, nowMs } = input
  const versions: Versions = {
    async publishInitial(initial) {
      const { run } = initial
      const provenanceDigest = await blobs.put(initial.provenance)
      const planHex = encodeHex(initial.planDigest)
      const atMs = nowMs()
      await store.transaction().execute(async (transaction) => {
        const taken = await transaction.selectFrom('run').where('name', '=', run.name).select('id').executeTakeFirst()
        if (taken !== undefined) throw nameTaken(run.name)
        await transaction
          .insertInto('plan')
          .values({
            digest: planHex,
            document: new TextDecoder().decode(initial.planDocument),
            created_at_ms: atMs,
            signature: JSON.stringify(planSignatureToForm(initial.planSignature)),
          })
          .onConflict((conflict) => conflict.column('digest').doNothing())
          .execute()
        await transaction
          .insertInto('run')
          .values({
            id: run.id,
            name: run.name,
            plan_digest: planHex,
            state: 'running',
            reason: '',
            submitted_by: run.submittedBy,
            created_at_ms: atMs,
            final_evaluated: 0,
          })
          .execute()
        await transaction
          .insertInto('version')
          .values({
            run_id: run.id,
            version: 0,
            model_digest: initial.modelDigest,
            provenance_digest: provenanceDigest,
            session_record_digest: null,
            published_at_ms: atMs,
            survivors: 0,
            roster: 0,
            training_metrics: '{}',
            evaluation_metrics: null,
          })
          .execute()
        const body = { name: run.name, by: run.submittedBy, rounds: run.rounds, enrolled: initial.enrolled }
        await events.append(transaction, run.id, { kind: 'run_submitted', body })
      })
      events.wake(run.id)
    },

    async publish(version, closing, onStored) {
      const modelDigest = await blobs.put(version.model)
      const provenanceDigest = await blobs.put(version.provenance)
      const sessionRecordDigest = await blobs.put(version.sessionRecord)
      await onStored?.()
      // Crash here: three blobs that no row names, deleted at the next start; the session's sum is published again.
      await store.transaction().execute(async (transaction) => {
        if (closing !== undefined) await closeAttempt(transaction, closing, nowMs())
        const run = transaction.selectFrom('run').where('id', '=', version.runId).select('state')
        if ((await run.executeTakeFirstOrThrow()).state === 'cancelled') return
        await transaction
          .insertInto('version')
          .values({
            run_id: version.runId,
            version: version.version,
            model_digest: modelDigest,
            provenance_digest: provenanceDigest,
            session_record_digest: sessionRecordDigest,
            published_at_ms: nowMs(),
            survivors: version.event.survivors,
            roster: version.event.roster,
            training_metrics: JSON.stringify(version.training),
            evaluation_metrics: null,
          })
          .execute()
        await transaction
          .updateTable('version')
          .set({ evaluation_metrics: JSON.stringify(version.evaluation) })
          .where('run_id', '=', version.runId)
          .where('version', '=', version.version - 1)
          .execute()
        await events.append(transaction, version.runId, { kind: 'version_published', body: version.event })
      })
      events.wake(version.runId)
    },

    async recordFinalEvaluation(runId, evaluated, ending) {
      await store.transaction().execute(async (transaction) => {
        if (ending !== undefined) {
          await closeAttempt(transaction, ending.closing, nowMs())
          for (const event of ending.events) await events.append(transaction, runId, event)
        }
        await transaction.updateTable('run').set({ final_evaluated: 1 }).where('id', '=', runId).execute()
        if (evaluated.reason === '') {
          await transaction
            .updateTable('version')
            .set({ evaluation_metrics: JSON.stringify(evaluated.metrics) })
            .where('run_id', '=', runId)
            .where('version', '=', evaluated.version)
            .execute()
        }
        await events.append(transaction, runId, { kind: 'final_evaluated', body: evaluated })
      })
      events.wake(runId)
    },

    async blobDigests() {
      const rows = await store
        .selectFrom('version')
        .select(['model_digest', 'provenance_digest', 'session_record_digest'])
        .execute()
      return new Set(
        rows.flatMap((row) => [row.model_digest, row.provenance_digest, row.session_record_digest ?? row.model_digest]),
      )
    },

    async list(runId) {
      const rows = await store
        .selectFrom('version')
        .where('run_id', '=', runId)
        .orderBy('version')
        .selectAll()
        .execute()
      return rows.map((row) => ({
        version: row.version,
        modelDigest: row.model_digest,
        provenanceDigest: row.provenance_digest,
        sessionRecordDigest: row.session_record_digest,
        publishedAtMs: row.published_at_ms,
        survivors: row.survivors,
        roster: row.roster,
        training: JSON.parse(row.training_metrics) as RoundMetrics,
        evaluation: row.evaluation_metrics === null ? null : (JSON.parse(row.evaluation_metrics) as RoundMetrics),
      }))
    },

    async find(run, which) {
      const all = await versions.list(run.id)
      const wanted =
        which === 'latest' ? run.latestVersion : which === 'best' ? bestVersion(all, run.plan.best) : Number(which)
      const found = all.find(({ version }) => version === wanted)
      if (found === undefined || which === '') {
        throw new ConfigError(
          'version_unknown',
          `run ${run.name} has no version ${JSON.stringify(which)}: give a number from 0 to ${run.latestVersion}, ` +
            '"latest" or "best"',
        )
      }
      return found
    },
  }
  return versions
}

/** The refusal of a second run under one name. */
export function nameTaken(name: string): ConfigError {
  return new ConfigError('run_name_taken', `a run named ${name} exists already; give the plan another name`)
}

/** The version trained from: it exists for every round. */
export function versionAt(versions: readonly Version[], version: number): Version {
  const found = versions.find((candidate) => candidate.version === version)
  invariant(found !== undefined, `version ${version} is published before round ${version + 1} begins`)
  return found
}
