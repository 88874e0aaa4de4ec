/**
 * Takes a submitted plan and its initial model: everything is checked before anything is kept, and every problem is told
 * at once. What passes becomes a run with a signed version 0.
 */
import { encodeHex, sha256Hex } from '../../shared/crypto/digest.ts'
import { ConfigError, invariant } from '../../shared/errors.ts'
import type { TrustBundle } from '../../shared/identity/trust-bundle.ts'
import { refuseModel } from '../../shared/onnx/allow-list.ts'
import { decodeModel } from '../../shared/onnx/decode.ts'
import { buildTrainStep } from '../../shared/onnx/gradient/train-step.ts'
import type { Model } from '../../shared/onnx/model.ts'
import { extractParameters, graphDigest } from '../../shared/onnx/parameters.ts'
import type { Plan } from '../../shared/plan/plan.ts'
import { parsePlan, planDigest } from '../../shared/plan/plan-document.ts'
import {
  DAY_MS,
  DEFAULT_PLAN_SIGNATURE_MAX_AGE_DAYS,
  type PlanSignature,
  verifyPlanSignature,
} from '../../shared/plan/plan-signature.ts'
import { aggregationClaim } from '../../shared/provenance/aggregation-claim.ts'
import { SOFTWARE_VERSION } from '../../shared/runtime/software-version.ts'
import type { Signer } from '../provenance/signer.ts'
import type { BlobStore } from '../store/blobs.ts'
import type { Runs } from './runs.ts'
import { nameTaken, type Versions } from './versions.ts'

export interface SubmissionTools {
  readonly runs: Runs
  readonly versions: Versions
  readonly blobs: BlobStore
  readonly signer: Signer
  /** The trust domain's authorities: whose signatures count, and where the enrolled have to be. */
  readonly bundle: () => TrustBundle
  readonly coordinatorId: () => string
  readonly newRunId: () => string
  readonly nowMs: () => number
}

/** What a submission begins with. */
export interface SubmittedPlan {
  readonly document: Uint8Array
  readonly signature: PlanSignature | null
}

/** The same, checked. */
export interface CheckedPlan extends SubmittedPlan {
  readonly signature: PlanSignature
  readonly plan: Plan
}

/**
 * Parses the plan of a submission, before its model is received. That the author may write plans is for each site to say;
 * here it is only somebody of this trust domain.
 * @throws ConfigError `bad_plan`, `run_name_taken`, a code of {@link verifyPlanSignature}.
 */
export async function checkPlan({ document, signature }: SubmittedPlan, tools: SubmissionTools): Promise<CheckedPlan> {
  const plan = parsePlan(document)
  const bundle = tools.bundle()
  const { trustDomain } = bundle
  const strangers = plan.participants.enrolled.filter((id) => !id.startsWith(`spiffe://${trustDomain}/`))
  if (strangers.length > 0) {
    throw new ConfigError(
      'bad_plan',
      strangers.map(
        (id) => `plan.participants.enrolled: ${id} is not in this coordinator's trust domain ${trustDomain}`,
      ),
    )
  }
  const maxAgeMs = DEFAULT_PLAN_SIGNATURE_MAX_AGE_DAYS * DAY_MS
  const digest = planDigest(document)
  const verdict = verifyPlanSignature({ planDigest: digest, signature, bundle, nowMs: tools.nowMs(), maxAgeMs })
  if (!verdict.ok) throw new ConfigError(verdict.code, verdict.message)
  if (await tools.runs.isNameTaken(plan.name)) throw nameTaken(plan.name)
  invariant(signature !== null, 'an absent signature is refused')
  return { plan, document, signature }
}

/**
 * Everything that is wrong with a plan's model; empty when it can be trained.
 * @throws ConfigError `model_malformed`, `model_too_large`, `model_refused` when it cannot even be read.
 */
export function modelProblems(plan: Plan, bytes: Uint8Array): string[] {
  if (bytes.length !== plan.model.bytes || sha256Hex(bytes) !== plan.model.sha256) {
    return [`plan.model.sha256: the model that came (${bytes.length} bytes) is not the one the plan names`]
  }
  const model = decodeModel(bytes)
  const problems = refuseModel(model)
  if (problems.length > 0) return problems.map((problem) => `model: ${problem}`)
  const { frozen } = plan.model
  const { values } = extractParameters(model, frozen)
  if (values.length !== plan.model.parameterCount) {
    problems.push(
      `plan.model.parameterCount: the model has ${values.length} parameters, not ${plan.model.parameterCount}`,
    )
  }
  if (encodeHex(graphDigest(model, frozen)) !== plan.model.graphSha256) {
    problems.push('plan.model.graphSha256: the graph of the model has another digest')
  }
  const bad = values.findIndex((value) => !Number.isFinite(value))
  if (bad >= 0) problems.push(`model: parameter ${bad} is ${values[bad]}; every weight must be a finite number`)
  return [...problems, ...trainingProblems(model, plan)]
}

/** Why no training step can be derived; the sites would find the same, each for itself. */
function trainingProblems(model: Model, plan: Plan): readonly string[] {
  const { loss, momentum, weightDecay } = plan.training
  try {
    buildTrainStep(model, { loss, momentum, weightDecay, frozen: plan.model.frozen })
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => `model: ${problem}`)
    throw error
  }
}

/** Makes the run. @throws ConfigError `bad_model` with every problem, `run_name_taken`. */
export async function acceptRun(
  submission: { readonly checked: CheckedPlan; readonly model: Uint8Array; readonly submittedBy: string },
  tools: SubmissionTools,
): Promise<string> {
  const { checked, model, submittedBy } = submission
  const { plan, document: planDocument, signature: planSignature } = checked
  const problems = modelProblems(plan, model)
  if (problems.length > 0) throw new ConfigError('bad_model', problems)
  const modelDigest = await tools.blobs.put(model)
  const runId = tools.newRunId()
  const nowMs = tools.nowMs()
  const provenance = tools.signer.signVersion({
    runId,
    runName: plan.name,
    coordinatorId: tools.coordinatorId(),
    softwareVersion: SOFTWARE_VERSION,
    version: 0,
    planDigest: planDigest(planDocument),
    model: { name: 'model.onnx', sha256: modelDigest, bytes: model.length },
    parent: null,
    session: null,
    aggregation: aggregationClaim(plan),
    metrics: {},
    startedAtMs: nowMs,
    finishedAtMs: nowMs,
  })
  await tools.versions.publishInitial({
    run: { id: runId, name: plan.name, submittedBy, rounds: plan.rounds },
    planDocument,
    planDigest: planDigest(planDocument),
    planSignature,
    enrolled: plan.participants.enrolled.length,
    modelDigest,
    provenance,
  })
  return runId
}
