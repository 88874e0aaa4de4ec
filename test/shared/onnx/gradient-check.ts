/**
 * Compares the gradients our builder derives with central differences of the loss, both computed by onnxruntime. A model
 * under test ends in one number per example; the loss is the squared distance to fixed targets.
 */
import * as ort from 'onnxruntime-node'
import { expect } from 'vitest'
import { GraphBuilder } from '../../../shared/onnx/gradient/graph-builder.ts'
import { buildTrainStep } from '../../../shared/onnx/gradient/train-step.ts'
import { DATA_TYPE, type Model } from '../../../shared/onnx/model.ts'
import { extractParameters } from '../../../shared/onnx/parameters.ts'
import { gaussian, seededUniform } from '../../../shared/onnx/seeded-numbers.ts'
import { floatTensor } from '../../../shared/onnx/tensor-data.ts'

export const QUIET = { logSeverityLevel: 3, intraOpNumThreads: 1, interOpNumThreads: 1 } as const

export type ModelUnderTest = {
  readonly builder: GraphBuilder
  /** Adds a parameter of the given shape with seeded normal values and returns its name. */
  readonly parameter: (dims: readonly number[]) => string
}

export type GradientCase = {
  readonly seed: number
  /** Shape of one example of `x`. */
  readonly features: readonly number[]
  readonly batch: number
  readonly opset: number
  /** Builds the graph from `x` to the value handed to the head. */
  readonly build: (under: ModelUnderTest) => string
}

/** Builds a model whose output is [N, 1], whatever shape [N, …] `build` returns. */
export function modelOf({ seed, features, opset, build }: Omit<GradientCase, 'batch'>): Model {
  const normal = gaussian(seededUniform(seed))
  const builder = new GraphBuilder()
  let count = 0
  const parameter = (dims: readonly number[]) => {
    const size = dims.reduce((a, b) => a * b, 1)
    const tensor = floatTensor(
      `p${count++}`,
      dims,
      Float32Array.from({ length: size }, () => 0.6 * normal()),
    )
    builder.initializers.push(tensor)
    return tensor.name
  }
  const built = build({ builder, parameter })
  // A head without parameters: the sum over everything but the batch of a smooth function.
  const flat = builder.op('Flatten', [built], { axis: 1 })
  const bent = builder.op('Tanh', [flat])
  const mixed = builder.op('Add', [bent, builder.op('Mul', [flat, flat])])
  builder.opTo('out', 'Mul', [builder.op('ReduceSum', [mixed, builder.integers([1])]), builder.scalar(0.25)])
  return {
    irVersion: 8n,
    producerName: '',
    producerVersion: '',
    opsets: [{ domain: '', version: BigInt(opset) }],
    metadata: [],
    functionCount: 0,
    unknown: [],
    graph: {
      name: 'test',
      nodes: builder.nodes,
      initializers: builder.initializers,
      inputs: [{ name: 'x', type: { elementType: DATA_TYPE.float, shape: ['N', ...features] }, encoded: undefined }],
      outputs: [{ name: 'out', type: { elementType: DATA_TYPE.float, shape: ['N', 1] }, encoded: undefined }],
      valueInfos: [],
      sparseInitializerCount: 0,
      unknown: [],
    },
  }
}

/** Builder constants are float initializers too; only the parameters made by `parameter` are trained. */
function frozenConstants(model: Model): string[] {
  return model.graph.initializers.map(({ name }) => name).filter((name) => !name.startsWith('p'))
}

/** Asserts that analytic and numeric slopes agree for every parameter, along the gradient and a random direction. */
export async function expectGradientsToMatch(testCase: GradientCase): Promise<void> {
  const model = modelOf(testCase)
  const frozen = frozenConstants(model)
  const { names, shapes, values } = extractParameters(model, frozen)
  expect(names.length).toBeGreaterThan(0)
  const bytes = buildTrainStep(model, { loss: 'mean-squared-error', frozen, momentum: 0, weightDecay: 0 })
  const session = await ort.InferenceSession.create(bytes, QUIET)
  const normal = gaussian(seededUniform(testCase.seed + 1))
  const { batch, features } = testCase
  const width = features.reduce((a, b) => a * b, 1)
  const x = Float32Array.from({ length: batch * width }, () => normal())
  const y = Float32Array.from({ length: batch }, () => normal())
  // One example counts for nothing, as padding would.
  const w = Float32Array.from({ length: batch }, (_, i) => (i === batch - 1 && batch > 1 ? 0 : 1))
  const weight = w.reduce((a, b) => a + b, 0)

  const step = async (parameters: readonly Float32Array[]) => {
    const feeds: Record<string, ort.Tensor> = {
      x: new ort.Tensor('float32', x, [batch, ...features]),
      y: new ort.Tensor('float32', y, [batch]),
      w: new ort.Tensor('float32', w, [batch]),
      lr: new ort.Tensor('float32', Float32Array.of(-1), []),
    }
    for (const [i, name] of names.entries()) {
      feeds[`param.${name}`] = new ort.Tensor('float32', parameters[i]!, shapes[i]!)
    }
    return session.run(feeds)
  }
  const lossAt = async (parameters: readonly Float32Array[]) =>
    ((await step(parameters)).loss_sum!.data as Float32Array)[0]! / weight

  let at = 0
  const initial = shapes.map((shape) => {
    const length = shape.reduce((a, b) => a * b, 1)
    at += length
    return values.slice(at - length, at)
  })
  const moved = await step(initial)
  // Float32 keeps the loss to about 1e-7 of itself, which the division by ε magnifies: hence the bound below.
  const loss = await lossAt(initial)
  for (const [i, name] of names.entries()) {
    // With lr −1 the step adds the gradient: the smaller the parameters, the more exact the difference.
    const after = moved[`new.param.${name}`]!.data as Float32Array
    expect(after.length).toBe(initial[i]!.length)
    const gradient = initial[i]!.map((value, k) => after[k]! - value)
    const norm = Math.hypot(...gradient)
    expect(Number.isFinite(norm)).toBe(true)
    const random = Float32Array.from(gradient, () => normal())
    const alongRandom = random.map((value) => value / Math.hypot(...random))
    const directions = norm > 1e-4 ? [gradient.map((value) => value / norm), alongRandom] : [alongRandom]
    for (const direction of directions) {
      const difference = async (epsilon: number) => {
        const shifted = (sign: number) =>
          initial.map((values, j) => (j === i ? values.map((v, k) => v + sign * epsilon * direction[k]!) : values))
        return ((await lossAt(shifted(1))) - (await lossAt(shifted(-1)))) / (2 * epsilon)
      }
      // Richardson's extrapolation takes the error of order ε² away.
      const numeric = (4 * (await difference(4e-3)) - (await difference(8e-3))) / 3
      const analytic = gradient.reduce((sum, value, k) => sum + value * direction[k]!, 0)
      expect(Math.abs(numeric - analytic), `${name}: numeric ${numeric}, analytic ${analytic}`).toBeLessThan(
        5e-4 + 2e-4 * loss + 5e-3 * norm,
      )
    }
  }
  await session.release()
}
