/**
 * An honest exported history with real keys, certificates and signatures, and hooks to make every dishonest one. A hook
 * changes what happened or what the coordinator states before it signs, so that all digests fit and only the lie itself
 * can be found.
 */
import { randomBytes } from 'node:crypto'
import type { Signer } from '../../../coordinator/provenance/signer.ts'
import { sha256Hex } from '../../../shared/crypto/digest.ts'
import type { TrustBundle } from '../../../shared/identity/trust-bundle.ts'
import type { Plan } from '../../../shared/plan/plan.ts'
import { encodePlan, planDigest } from '../../../shared/plan/plan-document.ts'
import { assumptionsOf, sessionContext } from '../../../shared/plan/plan-rules.ts'
import { sharingParameters } from '../../../shared/protocol/threshold.ts'
import { aggregationClaim } from '../../../shared/provenance/aggregation-claim.ts'
import {
  chainPath,
  MODEL_PATH,
  PLAN_PATH,
  PROVENANCE_PATH,
  sessionPath,
} from '../../../shared/provenance/export-layout.ts'
import { type SessionRecord, sessionClaimOf, sessionRecordOf } from '../../../shared/provenance/session-record.ts'
import { encodeSessionRecord } from '../../../shared/provenance/session-record-file.ts'
import type { VersionRecord } from '../../../shared/provenance/version-record.ts'
import { bundleOf, type CertificateSpec, HOUR_MS, type Issuer, makeAuthority, makeLeaf } from '../identity/test-pki.ts'
import { completedRound, type RoundSpec } from './completed-round.ts'
import { testPlan } from './test-plan.ts'

export const DOMAIN = 'sites.example'
/** Long ago: every certificate below has expired since, and was valid then. */
export const START_MS = Date.UTC(2026, 0, 5, 12)
const ROUND_MS = 60_000
const MODELS = [0, 1, 2, 3].map((version) => new TextEncoder().encode(`model bytes of version ${version}`))

export interface History {
  readonly files: Map<string, Uint8Array>
  readonly publicKeyPem: string
  readonly bundle: TrustBundle
}

/** What is not as it should be; each is asked for every version it concerns. */
export interface HistoryHooks {
  readonly plan?: Plan
  readonly round?: (round: RoundSpec, authority: Issuer) => RoundSpec
  readonly sessionRecord?: (record: SessionRecord, version: number) => SessionRecord
  readonly record?: (record: VersionRecord) => VersionRecord
  readonly signerOf?: (version: number) => Signer
}

/** Versions 0 to 3 of one run, as the export of version 3. Round 2 loses the third site. */
export function makeHistory(signer: Signer, hooks: HistoryHooks = {}): History {
  const plan = hooks.plan ?? testPlan(MODELS[0]!, DOMAIN)
  const document = encodePlan(plan)
  const authority = makeAuthority(DOMAIN, { notBefore: at(-24 * HOUR_MS), notAfter: at(24 * HOUR_MS) })
  const sites = plan.participants.enrolled.map((spiffeId) => ({ spiffeId, leaf: siteLeaf(authority, spiffeId) }))
  const files = new Map([
    [PLAN_PATH, document],
    [MODEL_PATH, MODELS[3]!],
  ])
  let parent: VersionRecord['parent'] = null
  for (const [version, model] of MODELS.entries()) {
    const startedAtMs = START_MS + version * ROUND_MS
    const honest: VersionRecord = {
      runId: 'run-1',
      runName: plan.name,
      coordinatorId: 'spiffe://blindsum.example/coordinator',
      softwareVersion: '0.1.0',
      version,
      planDigest: planDigest(document),
      model: { name: 'model.onnx', sha256: sha256Hex(model), bytes: model.length },
      parent,
      session: null,
      aggregation: aggregationClaim(plan),
      metrics: version === 0 ? {} : { examples: 400, trainLoss: 1 / version },
      startedAtMs,
      finishedAtMs: startedAtMs + ROUND_MS / 2,
    }
    const made: VersionRecord = parent === null ? honest : withSession(honest, { plan, sites, authority, files, hooks })
    const record: VersionRecord = hooks.record?.(made) ?? made
    const bundle = (hooks.signerOf?.(version) ?? signer).signVersion(record)
    files.set(version === 3 ? PROVENANCE_PATH : chainPath(version), bundle)
    parent = { version, modelSha256: record.model.sha256, provenanceSha256: sha256Hex(bundle) }
  }
  return { files, publicKeyPem: signer.publicKeyPem, bundle: bundleOf([authority], DOMAIN) }
}

/** A site's certificate, valid for an hour around the run's start. */
export function siteLeaf(authority: Issuer, spiffeId: string, spec: CertificateSpec = {}): Issuer {
  return makeLeaf(authority, { uris: [spiffeId], notBefore: at(-HOUR_MS), notAfter: at(HOUR_MS), ...spec })
}

function at(offsetMs: number): Date {
  return new Date(START_MS + offsetMs)
}

interface Making {
  readonly plan: Plan
  readonly sites: RoundSpec['sites']
  readonly authority: Issuer
  readonly files: Map<string, Uint8Array>
  readonly hooks: HistoryHooks
}

/** Lets the sites make the version, and puts the session's record into the files. */
function withSession(record: VersionRecord, { plan, sites, authority, files, hooks }: Making): VersionRecord {
  const { version, runId, parent } = record
  const context = sessionContext(plan, {
    trustDomain: DOMAIN,
    runId,
    round: version,
    sessionId: new Uint8Array(randomBytes(16)),
    planDigest: record.planDigest,
    modelDigest: new Uint8Array(Buffer.from(parent!.modelSha256, 'hex')),
  })
  const survivors = version === 2 ? [1, 2, 4, 5] : [1, 2, 3, 4, 5]
  const { quorum } = sharingParameters(sites.length, assumptionsOf(plan))
  const round = { version, context, sites, survivors, quorum, advertisedAtMs: record.startedAtMs + 1000 }
  const honest = sessionRecordOf(completedRound(hooks.round?.(round, authority) ?? round))
  const recorded = hooks.sessionRecord?.(honest, version) ?? honest
  files.set(sessionPath(version), encodeSessionRecord(recorded))
  return { ...record, session: sessionClaimOf(recorded) }
}
