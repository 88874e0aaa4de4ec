/** A plan document for tests, any part of it set anew, with the model it is for. */
import { encodeHex, sha256 } from '../../shared/crypto/digest.ts'
import { decodeModel } from '../../shared/onnx/decode.ts'
import { denseClassifier } from '../../shared/onnx/model-writer.ts'
import { extractParameters, graphDigest } from '../../shared/onnx/parameters.ts'
import { type Plan, planDocument } from '../../shared/plan/plan.ts'

export const TRUST_DOMAIN = 'a.example'
export const SITES = ['north', 'south', 'east', 'west'].map((name) => `spiffe://${TRUST_DOMAIN}/site/${name}`)

/** A forward model 4-3-2 and what a plan says about it. */
export const modelBytes = denseClassifier({ layers: [4, 3, 2], activation: 'relu', seed: 1 })
const model = decodeModel(modelBytes)
export const parameterCount = extractParameters(model, []).values.length

/** Parts of a plan to set anew; sections are merged. */
export interface PlanChanges {
  readonly rounds?: number
  readonly participants?: object
  readonly training?: object
  readonly aggregation?: object
  readonly security?: object
  readonly timing?: object
  readonly data?: object
  readonly model?: object
}

/** Parsed by the schema only, so that plans that break rules across fields can be made too. */
export function makePlan(changes: PlanChanges = {}): Plan {
  return planDocument.parse({
    format: 'blindsum/plan/v1',
    name: 'test',
    rounds: changes.rounds ?? 2,
    participants: { enrolled: SITES, minimumCohort: 3, ...changes.participants },
    data: changes.data ?? { kind: 'arrays', shape: [4], classes: 2 },
    training: { loss: 'softmax-cross-entropy', localEpochs: 1, learningRate: 0.1, ...changes.training },
    aggregation: { clipNorm: 10, laneRange: 1, maxExamples: 1000, ...changes.aggregation },
    security: { gamma: 0, ...changes.security },
    timing: { stageDeadlineMs: 20_000, joinGraceMs: 1000, ...changes.timing },
    model: {
      sha256: encodeHex(sha256(modelBytes)),
      graphSha256: encodeHex(graphDigest(model, [])),
      bytes: modelBytes.length,
      parameterCount,
      frozen: [],
      ...changes.model,
    },
  })
}
