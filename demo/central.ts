/**
 * What the demo compares with: one model trained centrally on all sites' training images pooled, with the same total of
 * optimiser steps, and the judgement of both on the 2,000 images that no site has. Everything runs in training processes.
 */
import { type Dataset, splitDataset } from '../participant/data/dataset.ts'
import { evaluateModel, trainLocally } from '../participant/training/train-locally.ts'
import { decodeModel } from '../shared/onnx/decode.ts'
import { withParameters } from '../shared/onnx/parameters.ts'
import { type Digits, PIXELS } from './digits/load-digits.ts'
import { DATA_SEED, HOLD_OUT } from './federation-folders.ts'
import { initialModel, PIXEL_SCALE, TRAINING } from './plan.ts'

const TASK = { ...TRAINING, frozen: [] }

/** Which of a site's images it trains on: the same split that its agent makes. */
export function siteDataset(digits: Digits): Dataset {
  const examples = {
    features: Float32Array.from(digits.images, (value) => value * PIXEL_SCALE),
    labels: BigInt64Array.from(digits.labels, BigInt),
    count: digits.count,
    featureShape: [PIXELS],
  }
  return splitDataset(examples, { holdOut: HOLD_OUT, seed: DATA_SEED })
}

/** Part of the test images that `model` names rightly. */
export async function accuracyOn(test: Digits, model: Uint8Array): Promise<number> {
  const all = { ...siteDataset(test), evalIndices: Uint32Array.from({ length: test.count }, (_, i) => i) }
  const result = await evaluateModel({ model, task: TASK, data: all })
  if (!result.ok) throw new Error(`the model could not be judged (${result.code}): ${result.message}`)
  return result.metrics.evalCorrect / test.count
}

/** Trains on the pooled training images of all sites for so many steps and gives the model. */
export async function trainCentrally(
  sites: readonly Dataset[],
  { steps, seed, onProgress }: { steps: number; seed: number; onProgress: (done: number) => void },
): Promise<Uint8Array> {
  const model = initialModel(seed)
  const task = { ...TASK, localSteps: steps }
  const result = await trainLocally({
    model,
    task,
    data: pooled(sites),
    seed,
    onProgress: ({ stepsDone, stepsTotal }) => onProgress(stepsDone / stepsTotal),
  })
  if (!result.ok) throw new Error(`central training failed (${result.code}): ${result.message}`)
  return withParameters(decodeModel(model), [], result.parameters)
}

/** The training parts of all sites under each other. */
function pooled(sites: readonly Dataset[]): Dataset {
  const count = sites.reduce((sum, { trainIndices }) => sum + trainIndices.length, 0)
  const features = new Float32Array(count * PIXELS)
  const labels = new BigInt64Array(count)
  let at = 0
  for (const site of sites) {
    for (const index of site.trainIndices) {
      features.set(site.features.subarray(index * PIXELS, (index + 1) * PIXELS), at * PIXELS)
      labels[at] = BigInt(site.labels[index] ?? 0)
      at += 1
    }
  }
  const trainIndices = Uint32Array.from({ length: count }, (_, i) => i)
  return { features, labels, count, featureShape: [PIXELS], trainIndices, evalIndices: new Uint32Array(0) }
}
