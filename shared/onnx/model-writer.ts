/**
 * Writes small forward models from scratch: a dense classifier and logistic regression, with seeded initial weights. For
 * people without an exporter at hand, and for the demo and the tests. Opset 17, input `x` [N, features], output `logits`.
 */
import { encodeModel } from './encode.ts'
import { GraphBuilder } from './gradient/graph-builder.ts'
import { DATA_TYPE, type Model, type Tensor } from './model.ts'
import { gaussian, seededUniform } from './seeded-numbers.ts'
import { floatTensor } from './tensor-data.ts'

export type DenseClassifier = {
  /** Widths from the features to the classes, at least two entries, e.g. [784, 200, 10]. */
  readonly layers: readonly number[]
  readonly activation: 'relu' | 'tanh'
  readonly seed: number
}

/** A fully connected classifier giving logits. Weights: He's rule before relu, Glorot's before tanh; biases zero. */
export function denseClassifier({ layers, activation, seed }: DenseClassifier): Uint8Array {
  const normal = gaussian(seededUniform(seed))
  const builder = new GraphBuilder()
  const weights: Tensor[] = []
  let value = 'x'
  for (const [i, width] of layers.slice(1).entries()) {
    const before = layers[i]!
    const last = i === layers.length - 2
    const spread = activation === 'relu' && !last ? Math.sqrt(2 / before) : Math.sqrt(2 / (before + width))
    const initial = Float32Array.from({ length: before * width }, () => spread * normal())
    weights.push(floatTensor(`layer${i + 1}.weight`, [before, width], initial))
    weights.push(floatTensor(`layer${i + 1}.bias`, [width], new Float32Array(width)))
    const inputs = [value, `layer${i + 1}.weight`, `layer${i + 1}.bias`]
    if (last) builder.opTo('logits', 'Gemm', inputs)
    else value = builder.op(activation === 'relu' ? 'Relu' : 'Tanh', [builder.op('Gemm', inputs)])
  }
  return encodeModel(forwardModel(builder, weights, layers[0]!, layers.at(-1)!))
}

/** Logistic regression: one linear layer. `classes` 1 means a single logit, for binary cross-entropy. */
export function logisticRegression(options: {
  readonly features: number
  readonly classes: number
  readonly seed: number
}): Uint8Array {
  return denseClassifier({ layers: [options.features, options.classes], activation: 'tanh', seed: options.seed })
}

function forwardModel(builder: GraphBuilder, initializers: Tensor[], features: number, classes: number): Model {
  const value = (name: string, width: number) => ({
    name,
    type: { elementType: DATA_TYPE.float, shape: ['N', width] },
    encoded: undefined,
  })
  return {
    irVersion: 8n,
    producerName: 'blindsum',
    producerVersion: '',
    opsets: [{ domain: '', version: 17n }],
    metadata: [],
    functionCount: 0,
    unknown: [],
    graph: {
      name: 'forward',
      nodes: builder.nodes,
      initializers: [...initializers, ...builder.initializers],
      inputs: [value('x', features)],
      outputs: [value('logits', classes)],
      valueInfos: [],
      sparseInitializerCount: 0,
      unknown: [],
    },
  }
}
