/**
 * What stands before any training: whose plan it is, what it asks for, and whether the site's policy permits it and this
 * round of it. In: an order of the coordinator's. Out: the plan, or NotReady with the first objection. A model is fetched
 * only for a plan that was approved, and is the plan's.
 */
import { encodeHex } from '../shared/crypto/digest.ts'
import type { TrustBundle } from '../shared/identity/trust-bundle.ts'
import { decodeModel } from '../shared/onnx/decode.ts'
import { graphDigest } from '../shared/onnx/parameters.ts'
import type { Plan } from '../shared/plan/plan.ts'
import { parsePlan } from '../shared/plan/plan-document.ts'
import { isEvaluation } from '../shared/plan/plan-rules.ts'
import type { Log } from '../shared/runtime/log.ts'
import type { Connection } from './connection.ts'
import { download } from './download.ts'
import type { UpdatePurpose } from './kept-update.ts'
import { NotReady } from './not-ready.ts'
import { refuseAuthor } from './policy/authors.ts'
import { objectionWords, type PolicyObjection } from './policy/objection.ts'
import { refusePlan, type SiteFacts } from './policy/plans.ts'
import type { PolicyConfig } from './policy/policy-file.ts'
import { refuseSessions } from './policy/sessions.ts'
import type { JournalView } from './protocol/journal.ts'
import { DAY_MS } from './protocol/policy-checks.ts'

export interface ApprovalTools {
  readonly connection: Connection
  readonly journal: JournalView
  readonly policy: PolicyConfig
  /** This site, and whom it believes: its own bundle, never one that a coordinator sent. */
  readonly site: () => Omit<SiteFacts, 'planDigestHex'> & { readonly bundle: TrustBundle }
}

const MAX_PLAN_BYTES = 1_572_864
const RUN_ID = /^[A-Za-z0-9._-]{1,128}$/

/** Fetches the plan and asks policy and journal. @throws NotReady, CallRefused, ConfigError; the signal's reason. */
export async function approvedPlan(
  order: UpdatePurpose,
  tools: ApprovalTools,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<Plan> {
  const { connection, journal, policy, site } = tools
  const { planDigest } = order
  const documentOf = { connection, digest: planDigest, maxBytes: MAX_PLAN_BYTES, what: 'plan', signal }
  const { bytes: document, planSignature: signature } = await download(documentOf)
  // Safety: whose plan it is, before a byte of it is read; what it asks for, before anything else is fetched.
  const nowMs = Date.now()
  const tookPartSince = (ms: number) => journal.tookPartSince(planDigest, ms)
  const stranger = refuseAuthor({ planDigest, signature, tookPartSince }, policy, { bundle: site().bundle, nowMs })
  if (stranger !== null) throw new NotReady(stranger.code, stranger.message)
  const plan = parsePlan(document)
  objectTo(refusePlan(plan, policy, { ...site(), planDigestHex: encodeHex(planDigest) }), log)
  checkRound(order, plan)
  const masked = { onModel: journal.maskedSessionsOn(order), today: journal.maskedSessionsSince(nowMs - DAY_MS) }
  objectTo(refuseSessions(policy, masked), log)
  return plan
}

/** Fetches the model of an approved plan. @throws NotReady `model_mismatch`, CallRefused; the signal's reason. */
export async function modelOf(
  order: UpdatePurpose & { readonly plan: Plan },
  { connection, policy }: ApprovalTools,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const request = { connection, digest: order.modelDigest, maxBytes: policy.maxModelBytes, what: 'model', signal }
  const { bytes } = await download(request)
  checkModel(bytes, order.plan, order)
  return bytes
}

/** Throws when there are objections: the first is the reason, the others stand in its message and in the log. */
function objectTo(objections: readonly PolicyObjection[], log: Log): void {
  const [first, ...others] = objections
  if (first === undefined) return
  for (const { code, message } of others) log.warn({ code }, `refused: ${message}`)
  throw new NotReady(first.code, objectionWords(objections))
}

/** The round is one that the plan has: rounds without end would be sessions without end on one model. */
function checkRound({ runId, round, version }: UpdatePurpose, plan: Plan): void {
  if (!RUN_ID.test(runId)) throw new NotReady('malformed', `a run id matches ${RUN_ID.source}`)
  const isPlanned = round >= 1 && round <= plan.rounds
  if (!isPlanned && !isEvaluation(plan, round)) {
    throw new NotReady('round_mismatch', `round ${round} is none of a plan of ${plan.rounds} rounds`)
  }
  if (version !== round - 1) {
    throw new NotReady('round_mismatch', `round ${round} begins from version ${round - 1}, not from ${version}`)
  }
}

/** The model is the plan's: its first version by its bytes, every version by its graph. */
function checkModel(model: Uint8Array, plan: Plan, { version, modelDigest }: UpdatePurpose): void {
  if (version === 0 && encodeHex(modelDigest) !== plan.model.sha256) {
    throw new NotReady('model_mismatch', `version 0 is not the model ${plan.model.sha256} of the plan`)
  }
  const graph = encodeHex(graphDigest(decodeModel(model), plan.model.frozen))
  if (graph !== plan.model.graphSha256) {
    throw new NotReady(
      'model_mismatch',
      `the graph of version ${version} is ${graph}, the plan's ${plan.model.graphSha256}`,
    )
  }
}
