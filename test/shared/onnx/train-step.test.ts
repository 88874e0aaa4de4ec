/** Whole train steps: models of a real exporter, the losses' gradients, padding, momentum, and clear refusals. */
import * as ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { decodeModel } from '../../../shared/onnx/decode.ts'
import type { Loss } from '../../../shared/onnx/gradient/losses.ts'
import { buildEvaluation, buildTrainStep } from '../../../shared/onnx/gradient/train-step.ts'
import type { Graph, Model } from '../../../shared/onnx/model.ts'
import { denseClassifier, logisticRegression } from '../../../shared/onnx/model-writer.ts'
import { extractParameters, withParameters } from '../../../shared/onnx/parameters.ts'
import { readFixture } from './fixtures.ts'
import { QUIET } from './gradient-check.ts'

type Batch = { readonly x: ort.Tensor; readonly y: ort.Tensor; readonly w: ort.Tensor }

function batchOf(shape: readonly number[], labels: readonly number[], loss: Loss, weights?: readonly number[]): Batch {
  const n = labels.length
  const width = shape.reduce((a, b) => a * b, 1)
  const x = Float32Array.from({ length: n * width }, (_, i) => Math.sin(1.7 * i) + (labels[Math.floor(i / width)] ?? 0))
  return {
    x: new ort.Tensor('float32', x, [n, ...shape]),
    y:
      loss === 'mean-squared-error'
        ? new ort.Tensor('float32', Float32Array.from(labels), [n])
        : new ort.Tensor('int64', BigInt64Array.from(labels, BigInt), [n]),
    w: new ort.Tensor('float32', Float32Array.from(weights ?? labels.map(() => 1)), [n]),
  }
}

async function evaluate(model: Model, loss: Loss, batch: Batch): Promise<{ loss: number; correct: number }> {
  const session = await ort.InferenceSession.create(buildEvaluation(model, { loss, frozen: [] }), QUIET)
  const outputs = await session.run({ ...batch })
  await session.release()
  const scalar = (name: string) => (outputs[name]!.data as Float32Array)[0]!
  return { loss: scalar('loss_sum'), correct: scalar('correct') }
}

type Steps = { readonly loss: Loss; readonly batch: Batch; readonly steps: number; readonly momentum?: number }

/** Takes steps with a learning rate of 0.1 and returns the losses and the parameters reached. */
async function train(model: Model, { loss, batch, steps, momentum = 0 }: Steps) {
  const bytes = buildTrainStep(model, { loss, frozen: [], momentum, weightDecay: 0 })
  const session = await ort.InferenceSession.create(bytes, QUIET)
  const { names, shapes, values } = extractParameters(model, [])
  const state: Record<string, ort.Tensor> = {}
  let at = 0
  for (const [i, name] of names.entries()) {
    const length = shapes[i]!.reduce((a, b) => a * b, 1)
    state[`param.${name}`] = new ort.Tensor('float32', values.slice(at, at + length), shapes[i]!)
    if (momentum) state[`state.momentum.${name}`] = new ort.Tensor('float32', new Float32Array(length), shapes[i]!)
    at += length
  }
  const losses: number[] = []
  for (let step = 0; step < steps; step++) {
    const lr = new ort.Tensor('float32', Float32Array.of(0.1), [])
    const outputs = await session.run({ ...batch, ...state, lr })
    losses.push((outputs.loss_sum!.data as Float32Array)[0]!)
    for (const name of Object.keys(state)) state[name] = outputs[`new.${name}`] as ort.Tensor
  }
  await session.release()
  const flat = names.flatMap((name) => [...(state[`param.${name}`]!.data as Float32Array)])
  return { losses, values: Float32Array.from(flat) }
}

describe("models of PyTorch's exporter", () => {
  test('a perceptron learns', async () => {
    const model = decodeModel(await readFixture('torch-mlp'))
    expect(extractParameters(model, []).names).toEqual([
      '1.bias',
      '1.weight',
      '4.bias',
      '4.weight',
      '6.bias',
      '6.weight',
    ])
    const loss = 'softmax-cross-entropy'
    const batch = batchOf([3, 4], [0, 1, 2, 1, 0, 2], loss)
    const { losses, values } = await train(model, { loss, batch, steps: 60, momentum: 0.9 })
    expect(losses.at(-1)).toBeLessThan(0.2 * losses[0]!)
    const trained = await evaluate(decodeModel(withParameters(model, [], values)), loss, batch)
    expect(trained.correct).toBe(6)
  })

  test('a final Softmax is taken into the loss, shape arithmetic and all', async () => {
    const model = decodeModel(await readFixture('torch-reshape'))
    const loss = 'softmax-cross-entropy'
    const batch = batchOf([3, 4], [0, 1, 2], loss)
    const outputs = await evaluate(model, loss, batch)
    // The same from the model's own probabilities.
    const session = await ort.InferenceSession.create(await readFixture('torch-reshape'), QUIET)
    const p = (await session.run({ x: batch.x })).p!.data as Float32Array
    expect(outputs.loss).toBeCloseTo(-Math.log(p[0]!) - Math.log(p[4]!) - Math.log(p[8]!), 4)
    const { losses } = await train(model, { loss, batch, steps: 60, momentum: 0.9 })
    expect(losses.at(-1)).toBeLessThan(0.5 * losses[0]!)
  })
})

describe('losses', () => {
  const cases: [Loss, number, number[]][] = [
    ['softmax-cross-entropy', 3, [0, 1, 2, 1]],
    ['binary-cross-entropy', 1, [0, 1, 1, 0]],
    ['mean-squared-error', 1, [0.5, -1, 2, 0]],
  ]

  test.each(cases)('%s: the gradient is the slope of the loss', async (loss, classes, labels) => {
    const model = decodeModel(logisticRegression({ features: 2, classes, seed: 4 }))
    const batch = batchOf([2], labels, loss)
    const { values } = extractParameters(model, [])
    const moved = (await train(model, { loss, batch, steps: 1 })).values
    const at = async (i: number, by: number) => {
      const shifted = values.slice()
      shifted[i]! += by
      return (await evaluate(decodeModel(withParameters(model, [], shifted)), loss, batch)).loss / labels.length
    }
    for (let i = 0; i < values.length; i++) {
      const numeric = ((await at(i, 5e-3)) - (await at(i, -5e-3))) / 1e-2
      expect((values[i]! - moved[i]!) / 0.1).toBeCloseTo(numeric, 2)
    }
  })

  test.each(cases)('%s: an example of weight zero counts for nothing', async (loss, classes, labels) => {
    const model = decodeModel(logisticRegression({ features: 2, classes, seed: 4 }))
    const whole = batchOf([2], labels, loss)
    const padded = batchOf([2], [...labels, 0, 1], loss, [...labels.map(() => 1), 0, 0])
    const [short, long] = await Promise.all(
      [whole, padded].map((batch) => train(model, { loss, batch, steps: 3, momentum: 0.5 })),
    )
    for (const [i, value] of short!.values.entries()) expect(long!.values[i]).toBeCloseTo(value, 5)
    expect(long!.losses[2]).toBeCloseTo(short!.losses[2]!, 4)
  })
})

describe('refusals', () => {
  const model = decodeModel(denseClassifier({ layers: [4, 3, 2], activation: 'relu', seed: 1 }))
  const change = (graph: Partial<Graph>): Model => ({ ...model, graph: { ...model.graph, ...graph } })
  const [input] = model.graph.inputs
  const typed = (name: string, elementType: number, shape: readonly (number | string)[]) => ({
    name,
    type: { elementType, shape },
    encoded: undefined,
  })
  const operator = (opType: string): Model =>
    change({
      nodes: model.graph.nodes.map((node) => (node.opType === 'Relu' ? { ...node, name: 'here', opType } : node)),
    })

  test.each<[string, Model, Loss, RegExp]>([
    ['no gradient', operator('Hardmax'), 'softmax-cross-entropy', /no gradient for Op Hardmax at node "here"/],
    ['a gather on the way', operator('Gather'), 'softmax-cross-entropy', /no gradient for Op Gather at node "here"/],
    [
      'two outputs',
      change({ outputs: [...model.graph.outputs, ...model.graph.outputs] }),
      'softmax-cross-entropy',
      /2 outputs/,
    ],
    ['two inputs', change({ inputs: [input!, typed('z', 1, ['N'])] }), 'softmax-cross-entropy', /2 inputs \(x, z\)/],
    ['integer input', change({ inputs: [typed('x', 7, ['N', 4])] }), 'softmax-cross-entropy', /must be float32/],
    ['a fixed batch', change({ inputs: [typed('x', 1, [1, 4])] }), 'softmax-cross-entropy', /fixed batch size 1/],
    ['two logits for one', model, 'binary-cross-entropy', /needs an output of shape \[N, 1\] or \[N\], found \[N, 2\]/],
    ['two outputs for one', model, 'mean-squared-error', /needs an output of shape/],
    [
      'one class',
      decodeModel(logisticRegression({ features: 4, classes: 1, seed: 1 })),
      'softmax-cross-entropy',
      /classes\]/,
    ],
  ])('%s', (_, refused, loss, message) => {
    const build = () => buildTrainStep(refused, { loss, frozen: [], momentum: 0, weightDecay: 0 })
    expect(build).toThrow(expect.objectContaining({ code: 'model_not_trainable' }))
    expect(build).toThrow(message)
  })

  test('nothing left to train, or an unknown name frozen', () => {
    const build = (frozen: string[]) => () =>
      buildTrainStep(model, { loss: 'softmax-cross-entropy', frozen, momentum: 0, weightDecay: 0 })
    expect(build(extractParameters(model, []).names.slice())).toThrow(/nothing to train/)
    expect(build(['nobody'])).toThrow(/frozen parameter "nobody" is not an initializer/)
  })
})
