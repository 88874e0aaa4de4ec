/** Turns a pair of .npy arrays into examples, checking shape, finiteness and label range against the plan. */
import { ConfigError } from '../../shared/errors.ts'
import type { ArraysSpec } from '../../shared/plan/data-spec.ts'
import type { Examples } from './dataset.ts'
import type { NpyArray } from './npy.ts'

export type NamedArray = NpyArray & { readonly file: string }

/**
 * Checks and converts the arrays of features and labels.
 *
 * @throws ConfigError `dataset_shape_mismatch`, `dataset_malformed` or `dataset_empty`, naming file and place.
 */
export function examplesFromArrays(features: NamedArray, labels: NamedArray, spec: ArraysSpec): Examples {
  const [count, ...found] = features.shape
  if (
    count === undefined ||
    found.length !== spec.shape.length ||
    found.some((length, i) => length !== spec.shape[i])
  ) {
    throw new ConfigError(
      'dataset_shape_mismatch',
      `${features.file}: the plan expects shape (examples, ${spec.shape.join(', ')}), found (${features.shape.join(', ')})`,
    )
  }
  if (labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw new ConfigError(
      'dataset_shape_mismatch',
      `${labels.file}: expected shape (${count},), one label per example, found (${labels.shape.join(', ')})`,
    )
  }
  if (count === 0) throw new ConfigError('dataset_empty', `${features.file}: the array holds no example`)
  const converted = {
    features: scaledFeatures(features, spec),
    labels: spec.classes === undefined ? numberLabels(labels) : classLabels(labels, spec.classes),
  }
  return { ...converted, count, featureShape: spec.shape }
}

function scaledFeatures({ data, file }: NamedArray, { shape, scale = 1 }: ArraysSpec): Float32Array {
  const width = shape.reduce((a, b) => a * b, 1)
  const scaled = new Float32Array(data.length)
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i]!) * scale
    scaled[i] = value
    if (!Number.isFinite(scaled[i])) {
      const place = `example ${Math.floor(i / width)}, value ${i % width}`
      throw new ConfigError('dataset_malformed', `${file}: ${place} is ${value}; expected a finite number`)
    }
  }
  return scaled
}

function classLabels({ data, file }: NamedArray, classes: number): BigInt64Array {
  const labels = new BigInt64Array(data.length)
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i]!)
    if (!Number.isInteger(value) || value < 0 || value >= classes) {
      const expected = `expected a whole number from 0 to ${classes - 1}`
      throw new ConfigError('dataset_malformed', `${file}: label ${value} of example ${i}; ${expected}`)
    }
    labels[i] = BigInt(value)
  }
  return labels
}

function numberLabels({ data, file }: NamedArray): Float32Array {
  const labels = Float32Array.from({ length: data.length }, (_, i) => Number(data[i]!))
  const place = labels.findIndex((value) => !Number.isFinite(value))
  if (place < 0) return labels
  throw new ConfigError('dataset_malformed', `${file}: label of example ${place} is not a finite number`)
}
