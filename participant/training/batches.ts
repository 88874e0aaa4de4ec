/**
 * Batches of one fixed size cut from a data set. A last, partial batch is filled up with examples it has already, whose
 * weight is zero: shapes stay the same from step to step, and padding is never a value the model has not seen.
 */
import { seededUniform, shuffle } from '../../shared/onnx/seeded-numbers.ts'
import type { Dataset } from '../data/dataset.ts'

export type Batch = {
  readonly size: number
  readonly x: Float32Array
  readonly y: BigInt64Array | Float32Array
  readonly w: Float32Array
  /** Examples that count. */
  readonly filled: number
}

/** Endless shuffled passes over `indices`, from the batch after `skip` on; each pass ends with its partial batch. */
export function* shuffledBatches(
  data: Dataset,
  indices: Uint32Array,
  { size, seed, skip = 0 }: { readonly size: number; readonly seed: number; readonly skip?: number },
): Generator<Batch> {
  const uniform = seededUniform(seed)
  const order = indices.slice()
  const perPass = Math.ceil(indices.length / size)
  for (let first = skip; ; first = Math.max(0, first - perPass)) {
    shuffle(order, uniform)
    if (first < perPass) yield* orderedBatches(data, order.subarray(first * size), size)
  }
}

/** One pass over `indices` in their order. The arrays of a batch are overwritten by the next one. */
export function* orderedBatches(data: Dataset, indices: Uint32Array, size: number): Generator<Batch> {
  const width = data.featureShape.reduce((a, b) => a * b, 1)
  const x = new Float32Array(size * width)
  const y = data.labels instanceof Float32Array ? new Float32Array(size) : new BigInt64Array(size)
  const w = new Float32Array(size)
  for (let start = 0; start < indices.length; start += size) {
    const filled = Math.min(size, indices.length - start)
    for (let row = 0; row < size; row++) {
      const example = indices[start + (row % filled)]!
      x.set(data.features.subarray(example * width, (example + 1) * width), row * width)
      y[row] = data.labels[example]!
      w[row] = row < filled ? 1 : 0
    }
    yield { size, x, y, w, filled }
  }
}
