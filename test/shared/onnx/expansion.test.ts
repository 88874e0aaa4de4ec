/**
 * Files of tiny fields that would grow many times over in memory: each is refused by what it counts, whatever list the
 * fields stand in, and no decoder makes more elements than the budget holds. Ordinary models are far from the limits.
 */
import { describe, expect, test } from 'vitest'
import { decodeModel } from '../../../shared/onnx/decode.ts'
import { type DecodeBudget, openBudget } from '../../../shared/onnx/decode-budget.ts'
import { DEFAULT_DECODE_LIMITS, type DecodeLimits } from '../../../shared/onnx/decode-limits.ts'
import { decodeNode } from '../../../shared/onnx/decode-node.ts'
import { decodeTensor } from '../../../shared/onnx/decode-tensor.ts'
import { denseClassifier } from '../../../shared/onnx/model-writer.ts'
import { readFields } from '../../../shared/onnx/protobuf-reader.ts'
import { MessageWriter } from '../../../shared/onnx/protobuf-writer.ts'

const SIZE = 4 << 20

/** `pattern` over and over, about `length` bytes in all. */
function repeat(pattern: Uint8Array, length = SIZE): Uint8Array {
  const count = Math.ceil(length / pattern.length)
  const repeated = new Uint8Array(count * pattern.length)
  for (let i = 0; i < count; i++) repeated.set(pattern, i * pattern.length)
  return repeated
}

const fields = (...bytes: number[]): Uint8Array => repeat(Uint8Array.from(bytes))
const wrap = (number: number, message: Uint8Array): Uint8Array => new MessageWriter().bytes(number, message).finish()
/** The message as field `outermost` of … of field `numbers.at(-1)`. */
const nest = (message: Uint8Array, ...numbers: number[]): Uint8Array =>
  numbers.reduceRight((m, n) => wrap(n, m), message)

const inGraph = (message: Uint8Array): Uint8Array => wrap(7, message)
const inTensor = (message: Uint8Array): Uint8Array => nest(message, 7, 5)
const inAttribute = (message: Uint8Array): Uint8Array => nest(message, 7, 1, 5)
const inShape = (message: Uint8Array): Uint8Array => nest(message, 7, 11, 2, 1, 2)

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ name: 'ConfigError', code, message: expect.stringMatching(message) })
const tooManyElements = refusal('model_too_large', /more than 200000 fields and list entries \(maxElements\)/)

describe('files of tiny fields are refused by their count', () => {
  const elementBombs: readonly [string, Uint8Array][] = [
    ['a tensor of empty strings', inTensor(fields(0x32, 0))],
    ['a tensor of unknown fields', inTensor(fields(0x78, 0))],
    ['a tensor of unpacked floats', inTensor(fields(0x25, 0, 0, 0, 0))],
    ['a tensor of unpacked integers', inTensor(fields(0x38, 0))],
    ['a tensor of empty packed data', inTensor(fields(0x3a, 0))],
    ['a tensor of empty dims', inTensor(fields(0x0a, 0))],
    ['a tensor of names', inTensor(fields(0x42, 0))],
    ['a tensor inside an attribute', nest(fields(0x32, 0), 7, 1, 5, 5)],
    ['an attribute of strings', inAttribute(fields(0x4a, 0))],
    ['an attribute of unpacked integers', inAttribute(fields(0x40, 0))],
    ['an attribute of unpacked floats', inAttribute(fields(0x3d, 0, 0, 0, 0))],
    ['an attribute of packed integers', inAttribute(repeat(wrap(8, new Uint8Array(4096))))],
    ['an attribute of packed floats', inAttribute(repeat(wrap(7, new Uint8Array(4 * 4096))))],
    ['an attribute of doc strings', inAttribute(fields(0x6a, 0))],
    ['an attribute of types', inAttribute(fields(0xa0, 1, 0))],
    ['a node of names', nest(fields(0x1a, 0), 7, 1)],
    ['nodes of inputs', inGraph(repeat(wrap(1, repeat(Uint8Array.of(0x0a, 0), 8000))))],
    ['nodes of attributes', inGraph(repeat(wrap(1, repeat(Uint8Array.of(0x2a, 0), 8000))))],
    ['a value of types', nest(fields(0x12, 0), 7, 13)],
    ['a type of unknown fields', nest(fields(0x78, 0), 7, 12, 2)],
    ['a tensor type of element types', nest(fields(8, 1), 7, 11, 2, 1)],
    ['a shape of unknown fields', inShape(fields(0x78, 0))],
    ['a dimension of values', inShape(wrap(1, fields(8, 1)))],
    ['a graph of names', inGraph(fields(0x12, 0))],
    ['an opset import of unknown fields', wrap(8, fields(0x18, 0))],
    ['a metadata entry of keys', wrap(14, fields(0x0a, 0))],
    ['a model of names', fields(0x12, 0)],
  ]
  test.each(elementBombs)('%s', (_, bytes) => {
    expect(bytes.length).toBeGreaterThanOrEqual(SIZE)
    expect(() => decodeModel(bytes)).toThrow(tooManyElements)
  })

  const listBombs: readonly [string, Uint8Array, RegExp][] = [
    ['opset imports', fields(0x42, 0), /more than 4096 header entries/],
    ['metadata entries', fields(0x72, 0), /more than 4096 header entries/],
    ['unknown fields of the model', fields(0x78, 0), /more than 4096 header entries/],
    ['nodes', inGraph(fields(0x0a, 0)), /more than 20000 nodes/],
    ['initializers', inGraph(fields(0x2a, 0)), /more than 100000 values/],
    ['inputs', inGraph(fields(0x5a, 0)), /more than 100000 values/],
    ['unknown fields of the graph', inGraph(fields(0x78, 0)), /more than 100000 values/],
    ['inputs of one node', nest(fields(0x0a, 0), 7, 1), /more than 4096 entries/],
    ['dimensions of one tensor', inTensor(fields(8, 1)), /more than 8 dimensions/],
    ['dimensions of one shape', inShape(fields(0x0a, 0)), /over 8 dimensions/],
  ]
  test.each(listBombs)('%s, by a limit of their own', (_, bytes, message) => {
    expect(() => decodeModel(bytes)).toThrow(message)
  })
})

describe('no decoder makes more than the budget holds', () => {
  const open = (bytes: Uint8Array): DecodeBudget => openBudget(DEFAULT_DECODE_LIMITS, bytes.length)

  test('the reader yields exactly as many fields as the budget allows', () => {
    const bytes = fields(0x78, 0)
    let reached = 0
    expect(() => {
      for (const _ of readFields(bytes, 'message', open(bytes))) reached++
    }).toThrow(tooManyElements)
    expect(reached).toBe(DEFAULT_DECODE_LIMITS.maxElements)
  })

  test.each<[string, Uint8Array, (bytes: Uint8Array, budget: DecodeBudget) => unknown]>([
    ['a tensor', fields(0x32, 0), decodeTensor],
    ['a node', wrap(5, fields(0x4a, 0)), decodeNode],
  ])('%s stops at the first element it cannot pay', (_, bytes, decode) => {
    const budget = open(bytes)
    expect(() => decode(bytes, budget)).toThrow(tooManyElements)
    expect(budget.elementsLeft).toBe(-1)
  })

  test('all messages of a model share one budget', () => {
    const small = wrap(5, repeat(Uint8Array.of(0x32, 0, 0x10, 8), 8000))
    expect(() => decodeModel(inGraph(small))).not.toThrow()
    expect(() => decodeModel(inGraph(repeat(small)))).toThrow(tooManyElements)
  })

  test('the limit itself is allowed', () => {
    // Six fields: IR version, graph, initializer, dimension, data type, data.
    const tensor = new MessageWriter().varint(1, 1).varint(2, 1).bytes(9, new Uint8Array(4))
    const bytes = new MessageWriter().varint(1, 8).bytes(7, wrap(5, tensor.finish())).finish()
    expect(() => decodeModel(bytes, { ...DEFAULT_DECODE_LIMITS, maxElements: 6 })).not.toThrow()
    expect(() => decodeModel(bytes, { ...DEFAULT_DECODE_LIMITS, maxElements: 5 })).toThrow(/more than 5 fields/)
  })

  test('a model of two million weights needs few elements', () => {
    const bytes = denseClassifier({ layers: [1000, 2000, 10], activation: 'relu', seed: 1 })
    expect(() => decodeModel(bytes, { ...DEFAULT_DECODE_LIMITS, maxElements: 100 })).not.toThrow()
  })
})

describe('typed data is bounded by the size of the file', () => {
  const typed = (dataType: number, number: number, count: number, packed: Uint8Array): Uint8Array =>
    inTensor(new MessageWriter().varint(1, count).varint(2, dataType).bytes(number, packed).finish())
  const outgrown = refusal('model_too_large', /outgrows the file of \d+ bytes by more than \d+ bytes/)

  test.each([
    ['int64', 7, 7],
    ['uint64', 13, 11],
    ['complex128 written as integers', 15, 7],
  ])('%s of one byte each is refused before it is widened', (_, dataType, number) => {
    expect(() => decodeModel(typed(dataType, number, SIZE, new Uint8Array(SIZE)))).toThrow(outgrown)
  })

  test('many small tensors share the bound', () => {
    const tensor = new MessageWriter().varint(1, 1000).varint(2, 7).bytes(7, new Uint8Array(1000)).finish()
    expect(() => decodeModel(inGraph(repeat(wrap(5, tensor))))).toThrow(outgrown)
  })

  test('packed floats take what they took in the file', () => {
    const limits: DecodeLimits = { ...DEFAULT_DECODE_LIMITS, maxTypedDataGrowthBytes: 0 }
    const model = decodeModel(typed(1, 4, SIZE / 4, new Uint8Array(SIZE)), limits)
    expect(model.graph.initializers[0]?.raw?.length).toBe(SIZE)
  })

  test('small integers may grow by the constant', () => {
    const model = decodeModel(typed(7, 7, 100_000, new Uint8Array(100_000)))
    expect(model.graph.initializers[0]?.raw?.length).toBe(800_000)
  })
})
