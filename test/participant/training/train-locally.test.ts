/** Local training in its child process: it learns, repeats exactly, and every way it can fail comes back as a code. */
import { describe, expect, test } from 'vitest'
import type { Dataset } from '../../../participant/data/dataset.ts'
import { splitDataset } from '../../../participant/data/dataset.ts'
import { DEFAULT_TRAINING_LIMITS, type TrainingProgress } from '../../../participant/training/task.ts'
import {
  evaluateModel,
  probeModel,
  type TrainingRequest,
  trainLocally,
} from '../../../participant/training/train-locally.ts'
import { decodeModel } from '../../../shared/onnx/decode.ts'
import { denseClassifier, logisticRegression } from '../../../shared/onnx/model-writer.ts'
import { withParameters } from '../../../shared/onnx/parameters.ts'
import { blobs, line, modelAround, TASK } from './training-fixtures.ts'

const model = denseClassifier({ layers: [2, 8, 3], activation: 'relu', seed: 1 })
const data = blobs()

async function expectFailure(code: string, change: Partial<TrainingRequest>, mention: RegExp): Promise<void> {
  const result = await trainLocally({ model, task: TASK, data, seed: 1, ...change })
  expect(result).toMatchObject({ ok: false, code })
  expect(result.ok ? '' : result.message).toMatch(mention)
}

describe('training', () => {
  test('learns, and reports sums over the site', async () => {
    const progress: TrainingProgress[] = []
    const result = await trainLocally({ model, task: TASK, data, seed: 1, onProgress: (p) => progress.push(p) })
    if (!result.ok) throw new Error(result.message)
    expect(result.metrics).toMatchObject({ examples: 160, evalExamples: 40 })
    expect(result.metrics.trainLossSum / 160).toBeLessThan(0.6)
    expect(progress.at(-1)).toEqual({ stepsDone: 30, stepsTotal: 30 })
    // The metrics describe the model as it came; a second look describes the trained one.
    const before = await evaluateModel({ model, task: TASK, data })
    expect(before).toMatchObject({ ok: true, metrics: { evalCorrect: result.metrics.evalCorrect } })
    const trained = withParameters(decodeModel(model), [], result.parameters)
    const after = await evaluateModel({ model: trained, task: TASK, data })
    if (!after.ok) throw new Error(after.message)
    expect(after.metrics.evalCorrect).toBeGreaterThanOrEqual(38)
  })

  test('is the same for the same seed and another for another', async () => {
    const task = { ...TASK, localEpochs: undefined, localSteps: 7 }
    const [first, again, other] = await Promise.all([5, 5, 6].map((seed) => trainLocally({ model, task, data, seed })))
    if (!first?.ok || !again?.ok || !other?.ok) throw new Error('training failed')
    expect(again.parameters).toEqual(first.parameters)
    expect(again.metrics).toEqual(first.metrics)
    expect(other.parameters).not.toEqual(first.parameters)
  })

  test('fits a line by mean squared error, weights decaying or not', async () => {
    const single = logisticRegression({ features: 2, classes: 1, seed: 1 })
    const task = { ...TASK, loss: 'mean-squared-error', localEpochs: 40 } as const
    const result = await trainLocally({ model: single, task, data: line(), seed: 1 })
    if (!result.ok) throw new Error(result.message)
    const [bias, a, b] = result.parameters
    expect([a, b, bias].map((value) => Math.round(100 * value!))).toEqual([200, -100, 100])
    const decayed = await trainLocally({ model: single, task: { ...task, weightDecay: 0.5 }, data: line(), seed: 1 })
    expect(decayed.ok && Math.abs(decayed.parameters[1]!)).toBeLessThan(1.5)
  })

  test('learns two classes by binary cross-entropy', async () => {
    const two = blobs({ classes: 2 })
    const single = logisticRegression({ features: 2, classes: 1, seed: 1 })
    const task = { ...TASK, loss: 'binary-cross-entropy' } as const
    const result = await trainLocally({ model: single, task, data: two, seed: 1 })
    if (!result.ok) throw new Error(result.message)
    const trained = withParameters(decodeModel(single), [], result.parameters)
    const after = await evaluateModel({ model: trained, task, data: two })
    expect(after).toMatchObject({ ok: true, metrics: { evalExamples: 40, evalCorrect: 40 } })
  })

  test('a frozen parameter stays', async () => {
    const task = { ...TASK, frozen: ['layer1.weight', 'layer1.bias'] }
    const result = await trainLocally({ model, task, data, seed: 1 })
    expect(result.ok && result.parameters.length).toBe(8 * 3 + 3)
  })

  test('a probe tells the time per step', async () => {
    const result = await probeModel({ model, task: TASK, data })
    expect(result.ok && result.msPerStep).toBeGreaterThan(0)
  })
})

describe('refusals', () => {
  test('an operator without a gradient', async () => {
    const sorted = modelAround((builder, h) => builder.op('Hardmax', [h]))
    await expectFailure('model_refused', { model: sorted }, /no gradient for Op Hardmax at node "/)
  })

  test('bytes that are no model', async () => {
    await expectFailure('model_refused', { model: Uint8Array.of(1, 2, 3) }, /not a readable ONNX model/)
  })

  test('data of another shape, with classes the model does not have, or of the wrong kind', async () => {
    const wide = denseClassifier({ layers: [5, 3], activation: 'relu', seed: 1 })
    await expectFailure('data_mismatch', { model: wide }, /takes examples of shape \[5\], the data has \[2\]/)
    await expectFailure('data_mismatch', { data: blobs({ classes: 4 }) }, /class 3, the model knows classes 0 to 2/)
    await expectFailure('data_mismatch', { data: line() }, /does not go with/)
  })

  test('a loss that is not finite', async () => {
    await expectFailure('non_finite_loss', { task: { ...TASK, learningRate: 1e30 } }, /lower the learning rate/)
  })

  test('weights that are not finite after the last step', async () => {
    const task = { ...TASK, localEpochs: undefined, localSteps: 1, batchSize: 1, learningRate: 3e38, momentum: 0 }
    const steep: Dataset = splitDataset(
      { features: new Float32Array(8).fill(1e20), labels: new BigInt64Array(4), count: 4, featureShape: [2] },
      { holdOut: 0, seed: 1 },
    )
    await expectFailure('non_finite_weights', { task, data: steep }, /is not finite after 1 steps/)
  })
})

describe('limits', () => {
  const long = { ...TASK, localEpochs: undefined, localSteps: 10_000_000 }

  test('memory', async () => {
    const limits = { ...DEFAULT_TRAINING_LIMITS, maxMemoryBytes: 400 * 2 ** 20 }
    // A [N, N, …] product: 4096 examples by themselves take 2 × 64 MiB per value and keep a dozen of them.
    const greedy = modelAround((builder, h) => {
      const wide = builder.op('Unsqueeze', [h, builder.integers([1])])
      const square = builder.op('Tanh', [builder.op('Mul', [wide, h])])
      return builder.op('ReduceMean', [builder.op('Exp', [builder.op('Sigmoid', [square])])], {
        axes: [1],
        keepdims: 0,
      })
    })
    const many = blobs({ count: 6000 })
    const task = { ...long, batchSize: 4096 }
    await expectFailure('memory_limit_exceeded', { model: greedy, data: many, task, limits }, /419430400 are allowed/)
  })

  test('wall clock', async () => {
    const limits = { ...DEFAULT_TRAINING_LIMITS, maxMs: 1500 }
    await expectFailure('time_limit_exceeded', { task: long, limits }, /longer than the 1500 ms allowed/)
  })

  test('the signal, before and while', async () => {
    await expectFailure('aborted', { signal: AbortSignal.abort() }, /before it began/)
    const controller = new AbortController()
    await expectFailure(
      'aborted',
      { task: long, signal: controller.signal, onProgress: () => controller.abort() },
      /cancelled/,
    )
  })
})
