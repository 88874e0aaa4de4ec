/** Arbitrary models for the codec's properties: any value of any field, not only what a runtime would accept. */
import fc from 'fast-check'
import type { Attribute, AttributeValue, Graph, Model, Node, Tensor, ValueInfo } from '../../../shared/onnx/model.ts'
import { MessageWriter } from '../../../shared/onnx/protobuf-writer.ts'

const bytes = fc.uint8Array({ maxLength: 12 })
const text = fc.string({ unit: 'grapheme', maxLength: 8 })
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })

/** A field whose number no ONNX message uses. */
const unknownField = fc
  .record({ number: fc.integer({ min: 500, max: 100_000 }), value: fc.oneof(int64, bytes, fc.float()) })
  .map(({ number, value }) => {
    const writer = new MessageWriter()
    if (typeof value === 'bigint') writer.varint(number, value)
    else if (typeof value === 'number') writer.float(number, value)
    else writer.bytes(number, value)
    return writer.finish()
  })
const unknown = fc.array(unknownField, { maxLength: 2 })

const floatTensor: fc.Arbitrary<Tensor> = fc
  .record({ name: text, dims: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }), unknown, fill: fc.nat(255) })
  .map(({ name, dims, unknown, fill }) => {
    const raw = new Uint8Array(4 * dims.reduce((a, b) => a * b, 1)).fill(fill)
    return { name, dims, dataType: 1, raw, strings: [], external: false, unknown }
  })
const stringTensor: fc.Arbitrary<Tensor> = fc
  .record({ name: text, strings: fc.array(bytes, { maxLength: 3 }), unknown })
  .map((tensor) => ({ ...tensor, dims: [tensor.strings.length], dataType: 8, raw: undefined, external: false }))
const tensor = fc.oneof(floatTensor, stringTensor)

const content: fc.Arbitrary<AttributeValue> = fc.oneof(
  fc.float().map((value) => ({ kind: 'float', value }) as const),
  int64.map((value) => ({ kind: 'int', value }) as const),
  bytes.map((value) => ({ kind: 'string', value }) as const),
  tensor.map((value) => ({ kind: 'tensor', value }) as const),
  fc.array(fc.float(), { maxLength: 4 }).map((value) => ({ kind: 'floats', value }) as const),
  fc.array(int64, { maxLength: 4 }).map((value) => ({ kind: 'ints', value }) as const),
  fc.array(bytes, { maxLength: 4 }).map((value) => ({ kind: 'strings', value }) as const),
)
const plainAttribute: fc.Arbitrary<Attribute> = fc.record({ name: text, content, unknown: fc.constant([]) })
/** A subgraph, with its type code, as our decoder leaves it. */
const subgraph: fc.Arbitrary<Attribute> = fc.record({ name: text, body: bytes }).map(({ name, body }) => ({
  name,
  content: { kind: 'other' },
  unknown: [new MessageWriter().bytes(6, body).finish(), new MessageWriter().varint(20, 5).finish()],
}))

const node: fc.Arbitrary<Node> = fc.record({
  name: text,
  opType: text,
  domain: text,
  inputs: fc.array(text, { maxLength: 3 }),
  outputs: fc.array(text, { maxLength: 3 }),
  attributes: fc.array(fc.oneof(plainAttribute, subgraph), { maxLength: 3 }),
  unknown,
})

const dimension = fc.oneof(fc.integer({ min: 1, max: 2 ** 40 }), fc.constant('N'), fc.constant(null))
const valueInfo: fc.Arbitrary<ValueInfo> = fc.record({
  name: text,
  type: fc.option(
    fc.record({
      elementType: fc.integer({ min: 1, max: 20 }),
      shape: fc.option(fc.array(dimension, { maxLength: 4 }), { nil: undefined }),
    }),
    { nil: undefined },
  ),
  encoded: fc.constant(undefined),
})

const graph: fc.Arbitrary<Graph> = fc.record({
  name: text,
  nodes: fc.array(node, { maxLength: 3 }),
  initializers: fc.array(tensor, { maxLength: 3 }),
  inputs: fc.array(valueInfo, { maxLength: 2 }),
  outputs: fc.array(valueInfo, { maxLength: 2 }),
  valueInfos: fc.array(valueInfo, { maxLength: 2 }),
  sparseInitializerCount: fc.constant(0),
  unknown,
})

export const arbitraryModel: fc.Arbitrary<Model> = fc.record({
  irVersion: int64,
  producerName: text,
  producerVersion: text,
  opsets: fc.array(fc.record({ domain: text, version: int64 }), { maxLength: 2 }),
  metadata: fc.array(fc.record({ key: text, value: text }), { maxLength: 2 }),
  graph,
  functionCount: fc.constant(0),
  unknown,
})
