/**
 * A model's trainable parameters as one flat vector: float32 initializers that the gradient reaches, minus the frozen,
 * in sorted-name order. This order is what participants sum and the coordinator applies; it never depends on the file's.
 */
import { createHash } from 'node:crypto'
import { ConfigError, invariant } from '../errors.ts'
import { encodeModel } from './encode.ts'
import { reachParameters } from './gradient/reach.ts'
import type { Model, Tensor } from './model.ts'
import { floatsToBytes, readFloats } from './tensor-data.ts'

export type Parameters = {
  /** Sorted by UTF-16 code units. */
  readonly names: readonly string[]
  readonly shapes: readonly (readonly number[])[]
  /** All values, one parameter after another, each in row-major order. */
  readonly values: Float32Array
}

/**
 * Reads the trainable parameters out of a model.
 *
 * @throws ConfigError `model_refused` when one of them keeps its data in another file.
 */
export function extractParameters(model: Model, frozen: readonly string[]): Parameters {
  const tensors = trainableTensors(model, frozen)
  const values = new Float32Array(totalLength(tensors))
  let at = 0
  for (const tensor of tensors) {
    const part = readFloats(tensor)
    values.set(part, at)
    at += part.length
  }
  return { names: tensors.map(({ name }) => name), shapes: tensors.map(({ dims }) => dims), values }
}

/**
 * The model with its trainable parameters replaced, as one standard ONNX file.
 *
 * @throws ConfigError `parameter_count_mismatch` when `values` has another length than the model's parameters.
 */
export function withParameters(model: Model, frozen: readonly string[], values: Float32Array): Uint8Array {
  const tensors = trainableTensors(model, frozen)
  const expected = totalLength(tensors)
  if (values.length !== expected) {
    throw new ConfigError('parameter_count_mismatch', `model has ${expected} parameters, got ${values.length} values`)
  }
  const replaced = new Map<string, Uint8Array>()
  let at = 0
  for (const tensor of tensors) {
    const length = lengthOf(tensor)
    replaced.set(tensor.name, floatsToBytes(values.subarray(at, at + length)))
    at += length
  }
  return encodeModel(replaceData(model, replaced))
}

/**
 * SHA-256 over the model's encoding with the trainable data left out: equal for all versions of one model, different as
 * soon as anything but the trained values changes (an operator, a shape, a frozen weight).
 */
export function graphDigest(model: Model, frozen: readonly string[]): Uint8Array {
  const emptied = new Map(trainableTensors(model, frozen).map(({ name }) => [name, new Uint8Array(0)]))
  return new Uint8Array(
    createHash('sha256')
      .update(encodeModel(replaceData(model, emptied)))
      .digest(),
  )
}

function trainableTensors(model: Model, frozen: readonly string[]): Tensor[] {
  const output = model.graph.outputs[0]?.name ?? ''
  const byName = new Map(model.graph.initializers.map((tensor) => [tensor.name, tensor]))
  return reachParameters(model.graph, output, frozen).parameters.map((name) => {
    const tensor = byName.get(name)
    invariant(tensor, `parameter "${name}" is no initializer`)
    if (!tensor.raw) throw new ConfigError('model_refused', `external data at initializer "${name}" is refused`)
    return tensor
  })
}

function lengthOf(tensor: Tensor): number {
  return (tensor.raw?.length ?? 0) / 4
}

function totalLength(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, tensor) => sum + lengthOf(tensor), 0)
}

function replaceData(model: Model, data: ReadonlyMap<string, Uint8Array>): Model {
  const initializers = model.graph.initializers.map((tensor) => {
    const raw = data.get(tensor.name)
    return raw ? { ...tensor, raw } : tensor
  })
  return { ...model, graph: { ...model.graph, initializers } }
}
