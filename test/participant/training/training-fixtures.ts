/** Small data sets and hostile graphs for the training tests. */
import type { Dataset } from '../../../participant/data/dataset.ts'
import { splitDataset } from '../../../participant/data/dataset.ts'
import type { TrainingTask } from '../../../participant/training/task.ts'
import { encodeModel } from '../../../shared/onnx/encode.ts'
import { GraphBuilder } from '../../../shared/onnx/gradient/graph-builder.ts'
import { DATA_TYPE } from '../../../shared/onnx/model.ts'
import { gaussian, seededUniform } from '../../../shared/onnx/seeded-numbers.ts'
import { floatTensor } from '../../../shared/onnx/tensor-data.ts'

/** Two features around one centre per class; easily told apart. */
export function blobs({
  count = 200,
  classes = 3,
  seed = 1,
}: {
  count?: number
  classes?: number
  seed?: number
} = {}) {
  const normal = gaussian(seededUniform(seed))
  const features = new Float32Array(2 * count)
  const labels = new BigInt64Array(count)
  for (let i = 0; i < count; i++) {
    const label = i % classes
    features[2 * i] = 3 * Math.cos((2 * Math.PI * label) / classes) + 0.5 * normal()
    features[2 * i + 1] = 3 * Math.sin((2 * Math.PI * label) / classes) + 0.5 * normal()
    labels[i] = BigInt(label)
  }
  return splitDataset({ features, labels, count, featureShape: [2] }, { holdOut: 0.2, seed: 7 })
}

/** y = 2a − b + 1, without noise. */
export function line(count = 128): Dataset {
  const uniform = seededUniform(3)
  const features = Float32Array.from({ length: 2 * count }, () => 2 * uniform() - 1)
  const labels = Float32Array.from({ length: count }, (_, i) => 2 * features[2 * i]! - features[2 * i + 1]! + 1)
  return splitDataset({ features, labels, count, featureShape: [2] }, { holdOut: 0.25, seed: 7 })
}

export const TASK: TrainingTask = {
  loss: 'softmax-cross-entropy',
  frozen: [],
  localEpochs: 3,
  batchSize: 16,
  learningRate: 0.1,
  momentum: 0.9,
}

/** A model [N, 2] → [N, 3] whose nodes between are built by `middle` from the value `h` of shape [N, 3]. */
export function modelAround(middle: (builder: GraphBuilder, h: string) => string): Uint8Array {
  const builder = new GraphBuilder()
  builder.initializers.push(floatTensor('weight', [2, 3], [0.1, 0.2, -0.3, 0.4, -0.5, 0.6]))
  const out = middle(builder, builder.op('MatMul', ['x', 'weight']))
  builder.opTo('logits', 'Identity', [out])
  const value = (name: string, width: number) => ({
    name,
    type: { elementType: DATA_TYPE.float, shape: ['N', width] },
    encoded: undefined,
  })
  return encodeModel({
    irVersion: 8n,
    producerName: 'test',
    producerVersion: '',
    opsets: [{ domain: '', version: 17n }],
    metadata: [],
    functionCount: 0,
    unknown: [],
    graph: {
      name: 'test',
      nodes: builder.nodes,
      initializers: builder.initializers,
      inputs: [value('x', 2)],
      outputs: [value('logits', 3)],
      valueInfos: [],
      sparseInitializerCount: 0,
      unknown: [],
    },
  })
}
