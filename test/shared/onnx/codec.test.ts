/** The codec: what is written is read back, what is not understood is kept, and every form of tensor data is read. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeModel } from '../../../shared/onnx/decode.ts'
import { DEFAULT_DECODE_LIMITS } from '../../../shared/onnx/decode-limits.ts'
import { encodeModel } from '../../../shared/onnx/encode.ts'
import type { Model } from '../../../shared/onnx/model.ts'
import { MessageWriter } from '../../../shared/onnx/protobuf-writer.ts'
import { arbitraryModel } from './arbitrary-model.ts'
import { readFixture } from './fixtures.ts'

/** Value infos remember their encoding; two models are compared without it. */
function withoutEncodings(model: Model): Model {
  const plain = (values: Model['graph']['inputs']) => values.map((value) => ({ ...value, encoded: undefined }))
  const { inputs, outputs, valueInfos } = model.graph
  return {
    ...model,
    graph: { ...model.graph, inputs: plain(inputs), outputs: plain(outputs), valueInfos: plain(valueInfos) },
  }
}

describe('round trips', () => {
  test('decode undoes encode, unknown fields included', () => {
    fc.assert(
      fc.property(arbitraryModel, (model) => {
        expect(withoutEncodings(decodeModel(encodeModel(model)))).toEqual(model)
      }),
    )
  })

  test('encoding what was decoded gives the same bytes', () => {
    fc.assert(
      fc.property(arbitraryModel, (model) => {
        const bytes = encodeModel(model)
        expect(encodeModel(decodeModel(bytes))).toEqual(bytes)
      }),
    )
  })

  test.each(['torch-mlp', 'torch-reshape'])("PyTorch's %s keeps its bytes", async (name) => {
    const bytes = await readFixture(name)
    const model = decodeModel(bytes)
    expect(model.producerName).toBe('pytorch')
    const again = encodeModel(model)
    expect(again.length).toBe(bytes.length)
    expect(decodeModel(again)).toEqual(model)
  })
})

/** A model with one initializer, given as the fields of its TensorProto. */
function modelWithTensor(tensor: MessageWriter): Uint8Array {
  const graph = new MessageWriter().bytes(5, tensor.finish())
  return new MessageWriter().varint(1, 8).bytes(7, graph.finish()).finish()
}

function rawOf(tensor: MessageWriter): number[] {
  const [initializer] = decodeModel(modelWithTensor(tensor)).graph.initializers
  return [...(initializer?.raw ?? [])]
}

/** Little-endian bytes of the floats 1 and −2. */
const ONE_MINUS_TWO = [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]
const INT64_ONE_MINUS_TWO = [1, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]

describe('tensor data', () => {
  const floats = () => new MessageWriter().varint(1, 2).varint(2, 1)
  const integers = (type: number) => new MessageWriter().varint(1, 2).varint(2, type)
  /** 1 and −2 as packed varints. */
  const packed = Uint8Array.of(1, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)

  test('is read raw, packed and unpacked, as floats', () => {
    expect(rawOf(floats().bytes(9, Uint8Array.from(ONE_MINUS_TWO)))).toEqual(ONE_MINUS_TWO)
    expect(rawOf(floats().bytes(4, Uint8Array.from(ONE_MINUS_TWO)))).toEqual(ONE_MINUS_TWO)
    expect(rawOf(floats().float(4, 1).float(4, -2))).toEqual(ONE_MINUS_TWO)
  })

  test('is read packed and unpacked, as integers of each width', () => {
    expect(rawOf(integers(7).bytes(7, packed))).toEqual(INT64_ONE_MINUS_TWO)
    expect(rawOf(integers(7).varint(7, 1).varint(7, -2))).toEqual(INT64_ONE_MINUS_TWO)
    expect(rawOf(integers(6).bytes(5, packed))).toEqual([1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff])
    expect(rawOf(integers(9).varint(5, 1).varint(5, 0))).toEqual([1, 0])
    expect(rawOf(integers(12).varint(11, 1).varint(11, 2))).toEqual([1, 0, 0, 0, 2, 0, 0, 0])
  })

  test('of packed dims is read', () => {
    const tensor = new MessageWriter().bytes(1, Uint8Array.of(1, 2)).varint(2, 1)
    expect(rawOf(tensor.bytes(9, Uint8Array.from(ONE_MINUS_TWO)))).toEqual(ONE_MINUS_TWO)
  })

  test.each([
    ['too little', () => floats().bytes(9, new Uint8Array(4)), /needs 8 bytes of data, found 4/],
    ['too much', () => floats().bytes(9, new Uint8Array(12)), /needs 8 bytes of data, found 12/],
    ['twice', () => floats().bytes(9, new Uint8Array(8)).float(4, 1), /raw and typed data/],
    [
      'an endless shape',
      () =>
        new MessageWriter()
          .varint(1, 2n ** 52n)
          .varint(1, 2n ** 52n)
          .varint(2, 1),
      /out of range/,
    ],
    ['a negative dimension', () => new MessageWriter().varint(1, -1).varint(2, 1), /dimension of -1/],
    ['a huge shape without data', () => new MessageWriter().varint(1, 2n ** 40n).varint(2, 1), /found 0/],
  ])('%s is refused', (_, tensor, message) => {
    expect(() => decodeModel(modelWithTensor(tensor()))).toThrow(message)
  })
})

describe('malformed models', () => {
  const graph = new MessageWriter().finish()
  test.each([
    ['no bytes', new Uint8Array(0), 'model_malformed'],
    ['two graphs', new MessageWriter().bytes(7, graph).bytes(7, graph).finish(), 'model_malformed'],
    ['a length beyond the end', Uint8Array.of(0x3a, 0x7f), 'model_malformed'],
    ['a length beyond 2^53', Uint8Array.of(0x3a, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1), 'model_malformed'],
    ['an endless number', new Uint8Array(32).fill(0xff), 'model_malformed'],
    ['a group', Uint8Array.of(0x3b, 0x3c), 'model_malformed'],
    ['a name that is not UTF-8', new MessageWriter().bytes(2, Uint8Array.of(0xff)).finish(), 'model_malformed'],
  ])('%s', (_, bytes, code) => {
    expect(() => decodeModel(bytes)).toThrow(expect.objectContaining({ name: 'ConfigError', code }))
  })

  test('a model over the limits', async () => {
    const bytes = await readFixture('torch-mlp')
    const decode = (limits: Partial<typeof DEFAULT_DECODE_LIMITS>) => () =>
      decodeModel(bytes, { ...DEFAULT_DECODE_LIMITS, ...limits })
    expect(decode({ maxBytes: 100 })).toThrow(expect.objectContaining({ code: 'model_too_large' }))
    expect(decode({ maxNodes: 3 })).toThrow(/more than 3 nodes/)
    expect(decode({ maxValues: 3 })).toThrow(/more than 3 values/)
    expect(decode({ maxRank: 1 })).toThrow(/more than 1 dimensions|over 1 dimensions|at most 1 allowed/)
  })
})
