/**
 * Encodes a Model as ONNX ModelProto bytes, deterministically: known fields in ascending order, tensors as raw_data, then
 * the unknown fields as they stood. encode(decode(bytes)) is a fixed point of itself.
 */
import { unreachable } from '../errors.ts'
import type { Attribute, Dimension, Graph, Model, Node, Tensor, ValueInfo } from './model.ts'
import { MessageWriter } from './protobuf-writer.ts'

/** Serializes a model; the tensors' bytes are copied once per level of nesting. */
export function encodeModel(model: Model): Uint8Array {
  const out = new MessageWriter().varint(1, model.irVersion)
  out.optionalString(2, model.producerName).optionalString(3, model.producerVersion)
  out.bytes(7, encodeGraph(model.graph))
  for (const { domain, version } of model.opsets) {
    out.bytes(8, new MessageWriter().optionalString(1, domain).varint(2, version).finish())
  }
  for (const { key, value } of model.metadata) {
    out.bytes(14, new MessageWriter().string(1, key).string(2, value).finish())
  }
  return out.encoded(model.unknown).finish()
}

function encodeGraph(graph: Graph): Uint8Array {
  const out = new MessageWriter()
  for (const node of graph.nodes) out.bytes(1, encodeNode(node))
  out.optionalString(2, graph.name)
  for (const tensor of graph.initializers) out.bytes(5, encodeTensor(tensor))
  for (const value of graph.inputs) out.bytes(11, encodeValueInfo(value))
  for (const value of graph.outputs) out.bytes(12, encodeValueInfo(value))
  for (const value of graph.valueInfos) out.bytes(13, encodeValueInfo(value))
  return out.encoded(graph.unknown).finish()
}

function encodeNode(node: Node): Uint8Array {
  const out = new MessageWriter()
  // An empty input name is meaningful (an optional input left out), so it is written.
  for (const input of node.inputs) out.string(1, input)
  for (const output of node.outputs) out.string(2, output)
  out.optionalString(3, node.name).string(4, node.opType)
  for (const attribute of node.attributes) out.bytes(5, encodeAttribute(attribute))
  return out.optionalString(7, node.domain).encoded(node.unknown).finish()
}

function encodeAttribute({ name, content, unknown }: Attribute): Uint8Array {
  const out = new MessageWriter().string(1, name)
  switch (content.kind) {
    case 'float':
      return out.float(2, content.value).varint(20, 1).encoded(unknown).finish()
    case 'int':
      return out.varint(3, content.value).varint(20, 2).encoded(unknown).finish()
    case 'string':
      return out.bytes(4, content.value).varint(20, 3).encoded(unknown).finish()
    case 'tensor':
      return out.bytes(5, encodeTensor(content.value)).varint(20, 4).encoded(unknown).finish()
    case 'floats':
      for (const value of content.value) out.float(7, value)
      return out.varint(20, 6).encoded(unknown).finish()
    case 'ints':
      for (const value of content.value) out.varint(8, value)
      return out.varint(20, 7).encoded(unknown).finish()
    case 'strings':
      for (const value of content.value) out.bytes(9, value)
      return out.varint(20, 8).encoded(unknown).finish()
    case 'other':
      return out.encoded(unknown).finish()
    default:
      return unreachable(content)
  }
}

function encodeTensor(tensor: Tensor): Uint8Array {
  const out = new MessageWriter()
  for (const dim of tensor.dims) out.varint(1, dim)
  out.varint(2, tensor.dataType)
  for (const text of tensor.strings) out.bytes(6, text)
  out.optionalString(8, tensor.name)
  if (tensor.raw !== undefined) out.bytes(9, tensor.raw)
  return out.encoded(tensor.unknown).finish()
}

function encodeValueInfo({ name, type, encoded }: ValueInfo): Uint8Array {
  if (encoded) return encoded
  const out = new MessageWriter().string(1, name)
  if (!type) return out.finish()
  const tensorType = new MessageWriter().varint(1, type.elementType)
  if (type.shape) {
    const shape = new MessageWriter()
    for (const dimension of type.shape) shape.bytes(1, encodeDimension(dimension))
    tensorType.bytes(2, shape.finish())
  }
  return out.bytes(2, new MessageWriter().bytes(1, tensorType.finish()).finish()).finish()
}

function encodeDimension(dimension: Dimension): Uint8Array {
  const out = new MessageWriter()
  if (typeof dimension === 'number') out.varint(1, dimension)
  if (typeof dimension === 'string') out.string(2, dimension)
  return out.finish()
}
