/** What a model may hold: each refusal with the words a person will read. */
import { describe, expect, test } from 'vitest'
import { DEFAULT_MODEL_LIMITS, refuseModel } from '../../../shared/onnx/allow-list.ts'
import { decodeModel } from '../../../shared/onnx/decode.ts'
import { encodeModel } from '../../../shared/onnx/encode.ts'
import type { Attribute, Graph, Model, Node, Tensor } from '../../../shared/onnx/model.ts'
import { denseClassifier } from '../../../shared/onnx/model-writer.ts'
import { MessageWriter } from '../../../shared/onnx/protobuf-writer.ts'
import { readFixture } from './fixtures.ts'

const model = decodeModel(denseClassifier({ layers: [4, 3, 2], activation: 'relu', seed: 1 }))
const node = model.graph.nodes[0]!
const weight = model.graph.initializers[0]!

function withGraph(change: Partial<Graph>): Model {
  return { ...model, graph: { ...model.graph, ...change } }
}

function withNode(change: Partial<Node>): Model {
  const added = { ...node, name: 'added', inputs: ['x'], outputs: ['extra'], attributes: [], ...change }
  return withGraph({ nodes: [...model.graph.nodes, added] })
}

function withTensor(change: Partial<Tensor>): Model {
  return withGraph({ initializers: [...model.graph.initializers, { ...weight, name: 'added', ...change }] })
}

const attribute = (name: string, content: Attribute['content']): Attribute => ({ name, content, unknown: [] })
const opset = (version: bigint) => ({ ...model, opsets: [{ domain: '', version }] })

describe('refuseModel', () => {
  test.each(['torch-mlp', 'torch-reshape'])("lets PyTorch's %s pass", async (name) => {
    expect(refuseModel(decodeModel(await readFixture(name)))).toEqual([])
  })

  test.each<[string, Model, string]>([
    ['an unknown operator', withNode({ opType: 'LSTM' }), 'no gradient for Op LSTM at node "added"'],
    ['a loop', withNode({ opType: 'Loop' }), 'no gradient for Op Loop at node "added"'],
    ['a condition', withNode({ opType: 'If' }), 'no gradient for Op If at node "added"'],
    ['a scan', withNode({ opType: 'Scan' }), 'no gradient for Op Scan at node "added"'],
    ['another domain', withNode({ domain: 'com.evil' }), 'Op Gemm of domain "com.evil" at node "added" is refused'],
    [
      'a subgraph in an attribute',
      withNode({ opType: 'Relu', attributes: [attribute('body', { kind: 'other' })] }),
      'attribute "body" of node "added" holds a subgraph or an unknown value',
    ],
    [
      'a cast to half precision',
      withNode({ opType: 'Cast', attributes: [attribute('to', { kind: 'int', value: 10n })] }),
      'Cast to data type 10 at node "added" is refused; only float32, int and bool are in use',
    ],
    [
      'external data',
      withTensor({ external: true, raw: undefined }),
      'external data at initializer "added" is refused; export the weights inside the file',
    ],
    [
      'external data in a constant',
      withNode({
        opType: 'Constant',
        inputs: [],
        attributes: [attribute('value', { kind: 'tensor', value: { ...weight, external: true } })],
      }),
      `external data at attribute "value" of node "added": "${weight.name}" is refused; export the weights inside the file`,
    ],
    [
      'strings',
      withTensor({ dataType: 8, raw: undefined }),
      'initializer "added" has data type 8, which is not supported',
    ],
    [
      'functions',
      { ...model, functionCount: 1 },
      'model-local functions are refused; export the model with functions inlined',
    ],
    ['sparse weights', withGraph({ sparseInitializerCount: 1 }), 'sparse initializers are refused; export dense ones'],
    ['an old opset', opset(11n), 'operator set 11 is refused; export the model with opset 13 to 22'],
    ['a future opset', opset(99n), 'operator set 99 is refused; export the model with opset 13 to 22'],
    ['no opset', { ...model, opsets: [] }, 'the model must import the default operator set once'],
    ['an IR version out of range', { ...model, irVersion: 3n }, 'IR version 3 is refused; expected 4 to 12'],
    ['a name twice', withTensor({ name: weight.name }), `initializer "${weight.name}" appears twice`],
    ['a value made twice', withNode({ outputs: ['logits'] }), 'value "logits" is made twice'],
    ['nodes out of order', withNode({ inputs: ['later'] }), 'node "added" reads "later" before it is made'],
    [
      'an output of nobody',
      withGraph({ outputs: [{ ...model.graph.outputs[0]!, name: 'z' }] }),
      'output "z" is made by no node',
    ],
  ])('refuses %s', (_, refused, problem) => {
    expect(refuseModel(refused)).toContain(problem)
  })

  test('refuses what is over the limits', () => {
    const limits = { ...DEFAULT_MODEL_LIMITS, maxNodes: 1, maxParameters: 10, maxInitializerBytes: 50 }
    expect(refuseModel(model, limits)).toEqual([
      'the model has 3 nodes, at most 1 are allowed',
      'the model has 23 parameters, at most 10 are allowed',
      'the weights take 92 bytes, at most 50 are allowed',
    ])
  })

  test('sees functions, sparse and external data in the bytes themselves', () => {
    const tensor = new MessageWriter().varint(2, 1).string(8, 'w').varint(14, 1)
    tensor.bytes(13, new MessageWriter().string(1, 'location').string(2, '/etc/passwd').finish())
    const graph = new MessageWriter().bytes(5, tensor.finish()).bytes(15, new Uint8Array(0))
    const bytes = new MessageWriter().varint(1, 8).bytes(7, graph.finish()).bytes(25, new Uint8Array(0)).finish()
    const hostile = decodeModel(bytes)
    expect(refuseModel(hostile).join('\n')).toMatch(/functions are refused[\s\S]*sparse[\s\S]*external data/)
    expect(encodeModel(hostile)).toEqual(bytes)
  })
})
