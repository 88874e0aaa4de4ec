/**
 * Decodes an ONNX ModelProto from bytes nobody vouches for. In: bytes and limits. Out: a Model whose tensors are views
 * into those bytes. Anything malformed, oversized or ambiguous ends in one ConfigError. Memory beyond the input is
 * bounded by its length (names, typed data) plus a constant times `limits.maxElements`.
 */
import { ConfigError } from '../errors.ts'
import { type DecodeBudget, openBudget } from './decode-budget.ts'
import { DEFAULT_DECODE_LIMITS, type DecodeLimits } from './decode-limits.ts'
import { decodeNode } from './decode-node.ts'
import { decodeTensor } from './decode-tensor.ts'
import type { Dimension, Graph, MetadataEntry, Model, Node, OpsetImport, Tensor, ValueInfo } from './model.ts'
import { MalformedError, readFields } from './protobuf-reader.ts'
import { decodeText } from './text.ts'

/**
 * Reads a serialized model. Tensor data stays a view of `bytes`, which must not change afterwards.
 *
 * @throws ConfigError `model_malformed` when the bytes are no such model, `model_too_large` over `limits.maxBytes`,
 *   `limits.maxElements` or `limits.maxTypedDataGrowthBytes`.
 */
export function decodeModel(bytes: Uint8Array, limits: DecodeLimits = DEFAULT_DECODE_LIMITS): Model {
  if (bytes.length > limits.maxBytes) {
    throw new ConfigError('model_too_large', `model has ${bytes.length} bytes, at most ${limits.maxBytes} are allowed`)
  }
  try {
    return decodeModelProto(bytes, openBudget(limits, bytes.length))
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause
    throw new ConfigError('model_malformed', `not a readable ONNX model: ${cause.message}`, { cause })
  }
}

function decodeModelProto(bytes: Uint8Array, budget: DecodeBudget): Model {
  const opsets: OpsetImport[] = []
  const metadata: MetadataEntry[] = []
  const unknown: Uint8Array[] = []
  let irVersion = 0n
  let producerName = ''
  let producerVersion = ''
  let functionCount = 0
  let graph: Graph | undefined
  for (const field of readFields(bytes, 'model', budget)) {
    const delimited = field.wireType === 2
    if (field.number === 1 && field.wireType === 0) irVersion = BigInt.asIntN(64, field.integer)
    else if (field.number === 2 && delimited) producerName = decodeText(field.bytes)
    else if (field.number === 3 && delimited) producerVersion = decodeText(field.bytes)
    else if (field.number === 7 && delimited) {
      // Protobuf would merge two graphs into one; a reader that differs from the runtime's is a hiding place.
      if (graph) throw new MalformedError('the model has two graphs')
      graph = decodeGraph(field.bytes, budget)
    } else if (field.number === 8 && delimited) opsets.push(decodeOpset(field.bytes, budget))
    else if (field.number === 14 && delimited) metadata.push(decodeEntry(field.bytes, budget))
    else {
      if (field.number === 25) functionCount++
      unknown.push(field.encoded)
    }
    if (opsets.length + metadata.length + unknown.length > budget.limits.maxListLength) {
      throw new MalformedError(`the model has more than ${budget.limits.maxListLength} header entries`)
    }
  }
  if (!graph) throw new MalformedError('the model has no graph')
  return { irVersion, producerName, producerVersion, opsets, metadata, graph, functionCount, unknown }
}

function decodeGraph(message: Uint8Array, budget: DecodeBudget): Graph {
  const nodes: Node[] = []
  const initializers: Tensor[] = []
  const inputs: ValueInfo[] = []
  const outputs: ValueInfo[] = []
  const valueInfos: ValueInfo[] = []
  const unknown: Uint8Array[] = []
  let name = ''
  let sparseInitializerCount = 0
  for (const field of readFields(message, 'graph', budget)) {
    const delimited = field.wireType === 2
    if (field.number === 1 && delimited) nodes.push(decodeNode(field.bytes, budget))
    else if (field.number === 2 && delimited) name = decodeText(field.bytes)
    else if (field.number === 5 && delimited) initializers.push(decodeTensor(field.bytes, budget))
    else if (field.number === 11 && delimited) inputs.push(decodeValueInfo(field.bytes, budget))
    else if (field.number === 12 && delimited) outputs.push(decodeValueInfo(field.bytes, budget))
    else if (field.number === 13 && delimited) valueInfos.push(decodeValueInfo(field.bytes, budget))
    else {
      if (field.number === 15) sparseInitializerCount++
      unknown.push(field.encoded)
    }
    if (nodes.length > budget.limits.maxNodes)
      throw new MalformedError(`the graph has more than ${budget.limits.maxNodes} nodes`)
    const values = initializers.length + inputs.length + outputs.length + valueInfos.length + unknown.length
    if (values > budget.limits.maxValues)
      throw new MalformedError(`the graph has more than ${budget.limits.maxValues} values`)
  }
  return { name, nodes, initializers, inputs, outputs, valueInfos, sparseInitializerCount, unknown }
}

function decodeOpset(message: Uint8Array, budget: DecodeBudget): OpsetImport {
  let domain = ''
  let version = 0n
  for (const field of readFields(message, 'opset import', budget)) {
    if (field.number === 1 && field.wireType === 2) domain = decodeText(field.bytes)
    else if (field.number === 2 && field.wireType === 0) version = BigInt.asIntN(64, field.integer)
  }
  return { domain, version }
}

function decodeEntry(message: Uint8Array, budget: DecodeBudget): MetadataEntry {
  let key = ''
  let value = ''
  for (const field of readFields(message, 'metadata entry', budget)) {
    if (field.number === 1 && field.wireType === 2) key = decodeText(field.bytes)
    else if (field.number === 2 && field.wireType === 2) value = decodeText(field.bytes)
  }
  return { key, value }
}

function decodeValueInfo(message: Uint8Array, budget: DecodeBudget): ValueInfo {
  let name = ''
  let type: ValueInfo['type']
  for (const field of readFields(message, 'value info', budget)) {
    if (field.number === 1 && field.wireType === 2) name = decodeText(field.bytes)
    else if (field.number === 2 && field.wireType === 2) {
      if (type) throw new MalformedError(`value "${name}" has two types`)
      for (const kind of readFields(field.bytes, 'type', budget)) {
        if (kind.number === 1 && kind.wireType === 2) type = decodeTensorType(kind.bytes, budget)
      }
    }
  }
  return { name, type, encoded: message }
}

function decodeTensorType(message: Uint8Array, budget: DecodeBudget): ValueInfo['type'] {
  let elementType = 0
  let shape: Dimension[] | undefined
  for (const field of readFields(message, 'tensor type', budget)) {
    if (field.number === 1 && field.wireType === 0) elementType = Number(BigInt.asIntN(32, field.integer))
    else if (field.number === 2 && field.wireType === 2) {
      shape ??= []
      for (const dim of readFields(field.bytes, 'shape', budget)) {
        if (dim.number === 1 && dim.wireType === 2) shape.push(decodeDimension(dim.bytes, budget))
        if (shape.length > budget.limits.maxRank)
          throw new MalformedError(`a shape has over ${budget.limits.maxRank} dimensions`)
      }
    }
  }
  return { elementType, shape }
}

function decodeDimension(message: Uint8Array, budget: DecodeBudget): Dimension {
  let dimension: Dimension = null
  for (const field of readFields(message, 'dimension', budget)) {
    if (field.number === 1 && field.wireType === 0) {
      const value = BigInt.asIntN(64, field.integer)
      // Exporters write -1 and 0 for "not known here".
      dimension = value > 0n && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : null
    } else if (field.number === 2 && field.wireType === 2) dimension = decodeText(field.bytes) || null
  }
  return dimension
}
