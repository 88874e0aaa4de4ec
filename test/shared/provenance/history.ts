/**
 * An honest exported history with real keys, certificates and signatures, and hooks to make every dishonest one. A hook
 * changes what the coordinator states before it signs, so the digests still fit and only the lie itself can be found.
 */
import { randomBytes } from 'node:crypto'
import type { Signer } from '../../../coordinator/provenance/signer.ts'
import { sha256, sha256Hex } from '../../../shared/crypto/digest.ts'
import { generateSigningKey, sign } from '../../../shared/crypto/signatures.ts'
import { signWithIdentity } from '../../../shared/identity/identity-signature.ts'
import type { TrustBundle } from '../../../shared/identity/trust-bundle.ts'
import type { Plan } from '../../../shared/plan/plan.ts'
import { encodePlan, planDigest } from '../../../shared/plan/plan-document.ts'
import { assumptionsOf, sessionContext } from '../../../shared/plan/plan-rules.ts'
import { encodeBitmap } from '../../../shared/protocol/bitmap.ts'
import { contextDigest } from '../../../shared/protocol/context.ts'
import { advertiseStatement, rosterDigest, rosterLine } from '../../../shared/protocol/roster.ts'
import { contributionStatement, survivorsStatement } from '../../../shared/protocol/statements.ts'
import { sharingParameters } from '../../../shared/protocol/threshold.ts'
import { aggregationClaim } from '../../../shared/provenance/aggregation-claim.ts'
import {
  chainPath,
  MODEL_PATH,
  PLAN_PATH,
  PROVENANCE_PATH,
  sessionPath,
} from '../../../shared/provenance/export-layout.ts'
import {
  type CompletedSession,
  type SessionRecord,
  sessionClaimOf,
  sessionRecordOf,
} from '../../../shared/provenance/session-record.ts'
import { encodeSessionRecord } from '../../../shared/provenance/session-record-file.ts'
import type { SessionClaim, VersionRecord } from '../../../shared/provenance/version-record.ts'
import { bundleOf, type CertificateSpec, HOUR_MS, type Issuer, makeAuthority, makeLeaf } from '../identity/test-pki.ts'
import { testPlan } from './test-plan.ts'

export const DOMAIN = 'sites.example'
/** Long ago: every certificate below has expired since, and was valid then. */
export const START_MS = Date.UTC(2026, 0, 5, 12)
const ROUND_MS = 60_000

export interface History {
  readonly files: Map<string, Uint8Array>
  readonly publicKeyPem: string
  readonly bundle: TrustBundle
  readonly plan: Plan
}

export interface HistoryHooks {
  readonly plan?: Plan
  readonly certificate?: CertificateSpec
  readonly session?: (session: CompletedSession, round: number) => CompletedSession
  readonly sessionRecord?: (record: SessionRecord, round: number) => SessionRecord
  readonly record?: (record: VersionRecord) => VersionRecord
  /** Another signer per version: a coordinator that is not the one the reader trusts. */
  readonly signerOf?: (version: number) => Signer
}

/** Versions 0 to 3 of one run, the export of version 3. Round 2 loses a site. */
export function makeHistory(signer: Signer, hooks: HistoryHooks = {}): History {
  const models = [0, 1, 2, 3].map((version) => new TextEncoder().encode(`model bytes of version ${version}`))
  const plan = hooks.plan ?? testPlan(models[0]!, DOMAIN)
  const document = encodePlan(plan)
  const authority = makeAuthority(DOMAIN, { notBefore: at(-24 * HOUR_MS), notAfter: at(24 * HOUR_MS) })
  const certificates = plan.participants.enrolled.map((spiffeId) => ({
    spiffeId,
    leaf: makeLeaf(authority, {
      uris: [spiffeId],
      notBefore: at(-HOUR_MS),
      notAfter: at(HOUR_MS),
      ...hooks.certificate,
    }),
  }))
  const files = new Map([[PLAN_PATH, document]])
  let parent: VersionRecord['parent'] = null
  for (const [version, model] of models.entries()) {
    const startedAtMs = START_MS + version * ROUND_MS
    let session: SessionClaim | null = null
    if (parent !== null) {
      const round = { plan, document, parent: parent.modelSha256, version, startedAtMs, sites: certificates }
      const completed = completedSession(round)
      const altered = hooks.session?.(completed, version) ?? completed
      const honest = sessionRecordOf(altered)
      const recorded = hooks.sessionRecord?.(honest, version) ?? honest
      files.set(sessionPath(version), encodeSessionRecord(recorded))
      session = sessionClaimOf(recorded)
    }
    const honest: VersionRecord = {
      runId: 'run-1',
      runName: plan.name,
      coordinatorId: 'spiffe://blindsum.example/coordinator',
      softwareVersion: '0.1.0',
      version,
      planDigest: planDigest(document),
      model: { name: 'model.onnx', sha256: sha256Hex(model), bytes: model.length },
      parent,
      session,
      aggregation: aggregationClaim(plan),
      metrics: version === 0 ? {} : { examples: 400, trainLoss: 1 / version },
      startedAtMs,
      finishedAtMs: startedAtMs + ROUND_MS / 2,
    }
    const record = hooks.record?.(honest) ?? honest
    const bundle = (hooks.signerOf?.(version) ?? signer).signVersion(record)
    files.set(version === 3 ? PROVENANCE_PATH : chainPath(version), bundle)
    parent = { version: record.version, modelSha256: record.model.sha256, provenanceSha256: sha256Hex(bundle) }
  }
  files.set(MODEL_PATH, models[3]!)
  return { files, publicKeyPem: signer.publicKeyPem, bundle: bundleOf([authority], DOMAIN), plan }
}

function at(offsetMs: number): Date {
  return new Date(START_MS + offsetMs)
}

interface Round {
  readonly plan: Plan
  readonly document: Uint8Array
  readonly parent: string
  readonly version: number
  readonly startedAtMs: number
  readonly sites: readonly { readonly spiffeId: string; readonly leaf: Issuer }[]
}

function completedSession(round: Round): CompletedSession {
  const context = sessionContext(round.plan, {
    trustDomain: DOMAIN,
    runId: 'run-1',
    round: round.version,
    sessionId: new Uint8Array(randomBytes(16)),
    planDigest: planDigest(round.document),
    modelDigest: new Uint8Array(Buffer.from(round.parent, 'hex')),
  })
  const members = round.sites.map(({ spiffeId, leaf }) => {
    const signingKey = generateSigningKey()
    const stated = {
      spiffeId,
      channelKey: new Uint8Array(randomBytes(32)),
      maskKey: new Uint8Array(randomBytes(32)),
      signingKey: signingKey.publicKey,
      advertisedAtMs: round.startedAtMs + 1000,
    }
    const signature = signWithIdentity(leaf.keys.privateKey, advertiseStatement(contextDigest(context), stated))
    return { signingKey, entry: { ...stated, certificateChain: [leaf.der], signature } }
  })
  const entries = members.map((member) => member.entry)
  const digests = {
    contextDigest: contextDigest(context),
    rosterDigest: rosterDigest(contextDigest(context), entries.map(rosterLine)),
  }
  const everybody = members.map((_, place) => place + 1)
  const alive = everybody.filter((index) => round.version !== 2 || index !== 3)
  const [shared, survivors] = [everybody, alive].map((set) => encodeBitmap(set, entries.length))
  const quorum = alive.slice(0, sharingParameters(entries.length, assumptionsOf(round.plan)).quorum)
  const keyOf = (index: number) => members[index - 1]!.signingKey
  const statement = survivorsStatement(digests, shared!, survivors!)
  return {
    context,
    entries,
    certificate: {
      shared: shared!,
      survivors: survivors!,
      signatures: quorum.map((index) => ({ index, signature: sign(keyOf(index), statement) })),
    },
    contributions: new Map(
      alive.map((index) => {
        const digest = sha256(Uint8Array.of(round.version, index))
        return [index, { digest, signature: sign(keyOf(index), contributionStatement(digests, digest)) }]
      }),
    ),
  }
}
