/**
 * A site's data in memory, as training wants it, and its split into a part to train on and a part held out to evaluate
 * on. It never leaves the site's processes.
 */
import { ConfigError } from '../../shared/errors.ts'
import { seededUniform, shuffle } from '../../shared/onnx/seeded-numbers.ts'

export type Dataset = {
  /** Examples one after another, each in row-major order of `featureShape`. */
  readonly features: Float32Array
  /** Class numbers, or values to predict. */
  readonly labels: BigInt64Array | Float32Array
  readonly count: number
  /** Shape of one example, without the batch axis. */
  readonly featureShape: readonly number[]
  readonly trainIndices: Uint32Array
  readonly evalIndices: Uint32Array
}

export type Split = {
  /** Part of the examples held out for evaluation, in [0, 1). */
  readonly holdOut: number
  /** Decides which; keep it the same from round to round. */
  readonly seed: number
}

/** Examples before they are split. */
export type Examples = Pick<Dataset, 'features' | 'labels' | 'count' | 'featureShape'>

/**
 * Splits examples: the same seed gives the same split.
 *
 * @throws ConfigError `dataset_empty` when no example is left to train on.
 */
export function splitDataset(examples: Examples, { holdOut, seed }: Split): Dataset {
  if (!(holdOut >= 0 && holdOut < 1)) {
    throw new ConfigError('hold_out_out_of_range', `holdOut must be at least 0 and below 1, got ${holdOut}`)
  }
  const order = shuffle(
    Uint32Array.from({ length: examples.count }, (_, i) => i),
    seededUniform(seed),
  )
  // At least one example is held out when any is asked for and two are there.
  const held = holdOut === 0 || examples.count < 2 ? 0 : Math.max(1, Math.floor(holdOut * examples.count))
  const dataset = { ...examples, evalIndices: order.slice(0, held).sort(), trainIndices: order.slice(held).sort() }
  if (dataset.trainIndices.length === 0) {
    throw new ConfigError('dataset_empty', 'the data set has no example to train on; check the path and the file')
  }
  return dataset
}
