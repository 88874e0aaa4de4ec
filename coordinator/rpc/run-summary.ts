/** Runs and versions as operators see them. */
import { decodeHex } from '../../shared/crypto/digest.ts'
import type { RunSummary, VersionSummary } from '../../shared/wire/generated/blindsum/v1/operator.ts'
import { bestVersion } from '../registry/best-version.ts'
import type { Run } from '../registry/runs.ts'
import type { SiteRefusal } from '../registry/site-refusals.ts'
import type { Version } from '../registry/versions.ts'

export function runSummary(
  run: Run,
  versions: readonly Version[],
  words: { readonly present: string; readonly refusals?: readonly SiteRefusal[] },
): RunSummary {
  return {
    runId: run.id,
    name: run.name,
    state: run.state,
    reason: run.reason,
    round: run.latestVersion,
    rounds: run.plan.rounds,
    createdAtMs: run.createdAtMs,
    planDigest: run.planDigest,
    bestVersion: bestVersion(versions, run.plan.best),
    present: words.present,
    refusals: [...(words.refusals ?? [])],
  }
}

export function versionSummaries(run: Run, versions: readonly Version[]): VersionSummary[] {
  const best = bestVersion(versions, run.plan.best)
  return versions.map((version) => ({
    version: version.version,
    modelDigest: decodeHex(version.modelDigest) ?? new Uint8Array(0),
    publishedAtMs: version.publishedAtMs,
    survivors: version.survivors,
    roster: version.roster,
    metrics: JSON.stringify({ ...version.training, ...version.evaluation }),
    best: version.version === best,
  }))
}
