/** How much a model may hold before decoding gives up; counts bound time and memory whatever the bytes say. */
export type DecodeLimits = {
  /** Length of the file in bytes. Protobuf itself ends at 2 GiB. */
  readonly maxBytes: number
  readonly maxNodes: number
  /** Initializers, inputs, outputs and value infos together. */
  readonly maxValues: number
  /** Dimensions of one tensor. */
  readonly maxRank: number
  /** Elements of the attributes, inputs and outputs of one node. */
  readonly maxListLength: number
  /**
   * Fields of all messages and entries of packed lists, over the whole model. The 5,000 nodes that the allow list takes
   * need about half of the default; weights in raw_data or packed float_data are one field per tensor.
   */
  readonly maxElements: number
  /** Bytes by which typed data, brought to raw form, may outgrow the file: a varint of one byte can stand for eight. */
  readonly maxTypedDataGrowthBytes: number
}

export const DEFAULT_DECODE_LIMITS: DecodeLimits = {
  maxBytes: 1 << 30,
  maxNodes: 20_000,
  maxValues: 100_000,
  maxRank: 8,
  maxListLength: 4_096,
  maxElements: 200_000,
  maxTypedDataGrowthBytes: 1 << 20,
}
