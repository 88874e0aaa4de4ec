/** What the demo's operator writes: plan.yaml and, with our own ONNX writer, the forward model 784-200-10 beside it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { denseClassifier } from '../shared/onnx/model-writer.ts'
import { CLASSES, PIXELS } from './digits/load-digits.ts'
import { gammaFor, siteId } from './sites.ts'

export const RUN_NAME = 'digits'
/** At 30 rounds the hardest seed reached the required accuracy in most runs, not in all: agents draw their seeds afresh. */
export const DEFAULT_ROUNDS = 45
/** Pixels come as bytes; 3/255 gives them about unit variance, which the uneven sites need to learn alike. */
export const PIXEL_SCALE = 3 / 255
export const HIDDEN_UNITS = 200

/**
 * How every site trains in a round; central training uses the same. Steps, not passes: a large site that took more steps
 * would also move further, and count twice.
 */
export const TRAINING = {
  loss: 'softmax-cross-entropy',
  localSteps: 150,
  batchSize: 32,
  learningRate: 0.03,
  momentum: 0.9,
} as const

/** The forward model with seeded initial weights, as ONNX bytes. */
export function initialModel(seed: number): Uint8Array {
  return denseClassifier({ layers: [PIXELS, HIDDEN_UNITS, CLASSES], activation: 'relu', seed })
}

/** Writes both files and gives the path of the plan. */
export function writePlan(
  folder: string,
  { sites, rounds, seed }: { readonly sites: readonly string[]; readonly rounds: number; readonly seed: number },
): string {
  const plan = {
    name: RUN_NAME,
    rounds,
    model: { file: 'forward.onnx' },
    participants: { enrolled: sites.map(siteId), minimumCohort: 3 },
    data: { kind: 'arrays', shape: [PIXELS], classes: CLASSES, scale: PIXEL_SCALE },
    training: TRAINING,
    aggregation: { clipNorm: 20, laneRange: 1, maxExamples: 4000, serverLearningRate: 1.25 },
    security: { gamma: gammaFor(sites.length) },
    timing: { trainDeadlineMs: 120_000, stageDeadlineMs: 60_000, joinGraceMs: 2000 },
    best: 'lowest-eval-loss',
  }
  const head =
    '# What is trained, by whom and how. Submitted with: blindsum run submit plan.yaml --operator operator.yaml\n'
  writeFileSync(join(folder, 'forward.onnx'), initialModel(seed))
  writeFileSync(join(folder, 'plan.yaml'), head + stringify(plan))
  return join(folder, 'plan.yaml')
}
