/**
 * The parts of an ONNX ModelProto that we read, as plain data. Field meanings: onnx/onnx.proto of ONNX 1.17.
 * `unknown` holds, exactly as they stood, the fields we do not interpret; the encoder writes them back.
 */

/** TensorProto.DataType, the codes in use here. */
export const DATA_TYPE = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7, string: 8, bool: 9, double: 11 } as const

export type Model = {
  readonly irVersion: bigint
  readonly producerName: string
  readonly producerVersion: string
  readonly opsets: readonly OpsetImport[]
  readonly metadata: readonly MetadataEntry[]
  readonly graph: Graph
  /** Number of model-local functions, which stand encoded in `unknown`. */
  readonly functionCount: number
  readonly unknown: readonly Uint8Array[]
}

export type OpsetImport = { readonly domain: string; readonly version: bigint }
export type MetadataEntry = { readonly key: string; readonly value: string }

export type Graph = {
  readonly name: string
  readonly nodes: readonly Node[]
  readonly initializers: readonly Tensor[]
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  readonly valueInfos: readonly ValueInfo[]
  /** Number of sparse initializers, which stand encoded in `unknown`. */
  readonly sparseInitializerCount: number
  readonly unknown: readonly Uint8Array[]
}

export type Node = {
  readonly name: string
  readonly opType: string
  readonly domain: string
  /** An empty name is an optional input left out. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: readonly Attribute[]
  readonly unknown: readonly Uint8Array[]
}

export type AttributeValue =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'string'; readonly value: Uint8Array }
  | { readonly kind: 'tensor'; readonly value: Tensor }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'ints'; readonly value: readonly bigint[] }
  | { readonly kind: 'strings'; readonly value: readonly Uint8Array[] }
  /** A subgraph, sparse tensor, type or reference: kept in `unknown`, refused by the allow list. */
  | { readonly kind: 'other' }

export type Attribute = {
  readonly name: string
  readonly content: AttributeValue
  readonly unknown: readonly Uint8Array[]
}

export type Tensor = {
  readonly name: string
  readonly dims: readonly number[]
  readonly dataType: number
  /**
   * Elements little-endian in row-major order. The typed data fields (float_data, int64_data, …) are turned into this
   * form while decoding. Undefined when the tensor holds strings, or keeps its data elsewhere.
   */
  readonly raw: Uint8Array | undefined
  readonly strings: readonly Uint8Array[]
  /** True when the data is said to be in another file; such a tensor is refused. */
  readonly external: boolean
  readonly unknown: readonly Uint8Array[]
}

/** A dimension: a length, a symbol such as "N", or unknown. */
export type Dimension = number | string | null

export type ValueInfo = {
  readonly name: string
  /** Element type and shape of a tensor; undefined for any other type or when not given. */
  readonly type: { readonly elementType: number; readonly shape: readonly Dimension[] | undefined } | undefined
  /** The message as decoded; written back as it stood. Undefined for a value made here. */
  readonly encoded: Uint8Array | undefined
}

/** Looks an attribute up by name. */
export function attributeOf(node: Node, name: string): AttributeValue | undefined {
  return node.attributes.find((attribute) => attribute.name === name)?.content
}

/** An int attribute as a number, or `fallback` when absent. */
export function intAttribute(node: Node, name: string, fallback: number): number {
  const content = attributeOf(node, name)
  return content?.kind === 'int' ? Number(content.value) : fallback
}

/** A float attribute, or `fallback` when absent. */
export function floatAttribute(node: Node, name: string, fallback: number): number {
  const content = attributeOf(node, name)
  return content?.kind === 'float' ? content.value : fallback
}

/** An ints attribute as numbers, or undefined when absent. */
export function intsAttribute(node: Node, name: string): readonly number[] | undefined {
  const content = attributeOf(node, name)
  return content?.kind === 'ints' ? content.value.map(Number) : undefined
}
