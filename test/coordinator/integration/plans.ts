/** Plan documents for the lab: a small dense model, five sites, short times. Sections are merged. */
import { encodeHex, sha256Hex } from '../../../shared/crypto/digest.ts'
import { decodeModel } from '../../../shared/onnx/decode.ts'
import { denseClassifier } from '../../../shared/onnx/model-writer.ts'
import { extractParameters, graphDigest } from '../../../shared/onnx/parameters.ts'
import { type Plan, planDocument } from '../../../shared/plan/plan.ts'
import { encodePlan } from '../../../shared/plan/plan-document.ts'
import { SITES } from './trust-domain.ts'

export const MODEL = denseClassifier({ layers: [4, 3, 2], activation: 'relu', seed: 1 })

export interface PlanChanges {
  readonly name?: string
  readonly rounds?: number
  readonly participants?: object
  readonly aggregation?: object
  readonly security?: object
  readonly timing?: object
  readonly model?: object
}

/** What a plan says about a model. */
export function describeModel(bytes: Uint8Array) {
  const model = decodeModel(bytes)
  return {
    sha256: sha256Hex(bytes),
    graphSha256: encodeHex(graphDigest(model, [])),
    bytes: bytes.length,
    parameterCount: extractParameters(model, []).values.length,
    frozen: [],
  }
}

export function makePlan(changes: PlanChanges = {}, model: Uint8Array = MODEL): Plan {
  return planDocument.parse({
    format: 'blindsum/plan/v1',
    name: changes.name ?? 'lab',
    rounds: changes.rounds ?? 2,
    participants: { enrolled: SITES, minimumCohort: 3, ...changes.participants },
    data: { kind: 'arrays', shape: [4], classes: 2 },
    training: { loss: 'softmax-cross-entropy', localEpochs: 1, learningRate: 0.1 },
    aggregation: { clipNorm: 10, laneRange: 1, maxExamples: 1000, ...changes.aggregation },
    security: { gamma: 0, ...changes.security },
    timing: { stageDeadlineMs: 20_000, joinGraceMs: 400, trainDeadlineMs: 20_000, ...changes.timing },
    model: { ...describeModel(model), ...changes.model },
  })
}

export function planDocumentOf(plan: Plan): Uint8Array {
  return encodePlan(plan)
}
