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
}

export const DEFAULT_DECODE_LIMITS: DecodeLimits = {
  maxBytes: 1 << 30,
  maxNodes: 20_000,
  maxValues: 100_000,
  maxRank: 8,
  maxListLength: 4_096,
}
