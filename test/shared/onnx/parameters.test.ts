/** Parameters out of a model and back, the digest of its graph, and the exported file in plain onnxruntime. */
import * as ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { decodeModel } from '../../../shared/onnx/decode.ts'
import { encodeModel } from '../../../shared/onnx/encode.ts'
import type { Model } from '../../../shared/onnx/model.ts'
import { denseClassifier, logisticRegression } from '../../../shared/onnx/model-writer.ts'
import { extractParameters, graphDigest, withParameters } from '../../../shared/onnx/parameters.ts'
import { floatTensor } from '../../../shared/onnx/tensor-data.ts'
import expected from './fixtures/torch-mlp.json' with { type: 'json' }
import { readFixture } from './fixtures.ts'
import { QUIET } from './gradient-check.ts'

const bytes = denseClassifier({ layers: [4, 3, 2], activation: 'relu', seed: 1 })
const model = decodeModel(bytes)

/** Runs a forward model on `x` and returns its only output. */
async function run(model: Uint8Array, x: Float32Array, dims: readonly number[]): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(model, QUIET)
  const outputs = await session.run({ [session.inputNames[0]!]: new ort.Tensor('float32', x, dims) })
  await session.release()
  return outputs[session.outputNames[0]!]!.data as Float32Array
}

describe('parameters', () => {
  test('come in sorted-name order with their shapes', () => {
    const { names, shapes, values } = extractParameters(model, [])
    expect(names).toEqual(['layer1.bias', 'layer1.weight', 'layer2.bias', 'layer2.weight'])
    expect(shapes).toEqual([[3], [4, 3], [2], [3, 2]])
    expect(values.length).toBe(23)
    expect(values.slice(0, 3)).toEqual(new Float32Array(3))
  })

  test('are the same from a Buffer, which is a view of a pool', () => {
    const bytes = denseClassifier({ layers: [4, 3, 2], activation: 'relu', seed: 1 })
    const pooled = Buffer.concat([Buffer.alloc(3), bytes]).subarray(3)
    expect(extractParameters(decodeModel(pooled), [])).toEqual(extractParameters(decodeModel(bytes), []))
  })

  test('leave out the frozen and what the gradient does not reach', () => {
    const idle = floatTensor('idle', [2], [1, 2])
    const graph = { ...model.graph, initializers: [idle, ...model.graph.initializers] }
    expect(extractParameters({ ...model, graph }, ['layer1.weight', 'layer1.bias']).names).toEqual([
      'layer2.bias',
      'layer2.weight',
    ])
  })

  test('put back give the same file, changed give another', () => {
    const { values } = extractParameters(model, [])
    expect(withParameters(model, [], values)).toEqual(bytes)
    const changed = decodeModel(
      withParameters(
        model,
        [],
        values.map((value) => value + 1),
      ),
    )
    expect(extractParameters(changed, []).values).toEqual(values.map((value) => value + 1))
    expect(() => withParameters(model, [], values.subarray(1))).toThrow(/has 23 parameters, got 22 values/)
  })

  test('are found when they are also graph inputs, as old exporters write them', () => {
    const inputs = model.graph.initializers.map(({ name, dims }) => ({
      name,
      type: { elementType: 1, shape: dims },
      encoded: undefined,
    }))
    const listed: Model = { ...model, graph: { ...model.graph, inputs: [...model.graph.inputs, ...inputs] } }
    expect(extractParameters(listed, []).names).toEqual(extractParameters(model, []).names)
  })
})

describe('the graph digest', () => {
  const digest = (of: Model, frozen: readonly string[] = []) => Buffer.from(graphDigest(of, frozen)).toString('hex')
  const moved = decodeModel(withParameters(model, [], new Float32Array(23).fill(2)))

  test('is equal for every version of one model', () => {
    expect(digest(moved)).toBe(digest(model))
    expect(digest(decodeModel(encodeModel(moved)))).toBe(digest(model))
  })

  test('differs with a frozen weight, an operator, a shape or a name', () => {
    const nodes = model.graph.nodes.map((node) => (node.opType === 'Relu' ? { ...node, opType: 'Tanh' } : node))
    expect(digest(moved, ['layer1.weight'])).not.toBe(digest(model, ['layer1.weight']))
    expect(digest({ ...model, graph: { ...model.graph, nodes } })).not.toBe(digest(model))
    expect(digest(decodeModel(logisticRegression({ features: 4, classes: 2, seed: 1 })))).not.toBe(digest(model))
  })
})

describe('in plain onnxruntime', () => {
  test('an export gives identical outputs to the model it came from', async () => {
    const x = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i))
    const exported = withParameters(model, [], extractParameters(model, []).values)
    expect(await run(exported, x, [3, 4])).toEqual(await run(bytes, x, [3, 4]))
  })

  test("PyTorch's model gives PyTorch's outputs, before and after export", async () => {
    const original = await readFixture('torch-mlp')
    const torch = decodeModel(original)
    const exported = withParameters(torch, [], extractParameters(torch, []).values)
    const x = Float32Array.from(expected.x)
    const y = await run(exported, x, [2, 3, 4])
    expect(y).toEqual(await run(original, x, [2, 3, 4]))
    for (const [i, value] of expected.y.flat().entries()) expect(y[i]).toBeCloseTo(value, 5)
  })
})

describe('written models', () => {
  test('repeat with the seed and differ without', () => {
    expect(denseClassifier({ layers: [4, 3, 2], activation: 'relu', seed: 1 })).toEqual(bytes)
    expect(denseClassifier({ layers: [4, 3, 2], activation: 'relu', seed: 2 })).not.toEqual(bytes)
  })
})
