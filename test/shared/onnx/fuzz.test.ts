/**
 * Hostile bytes: mutated valid models go through everything a model meets before a runtime does. Whatever happens must be
 * a ConfigError or a list of problems: no crash, no other error, no unbounded time or memory.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../../shared/errors.ts'
import { refuseModel } from '../../../shared/onnx/allow-list.ts'
import { decodeModel } from '../../../shared/onnx/decode.ts'
import { encodeModel } from '../../../shared/onnx/encode.ts'
import { LOSSES } from '../../../shared/onnx/gradient/losses.ts'
import { buildEvaluation, buildTrainStep } from '../../../shared/onnx/gradient/train-step.ts'
import type { Model } from '../../../shared/onnx/model.ts'
import { denseClassifier } from '../../../shared/onnx/model-writer.ts'
import { extractParameters, graphDigest, withParameters } from '../../../shared/onnx/parameters.ts'
import { arbitraryModel } from './arbitrary-model.ts'
import { readFixture } from './fixtures.ts'

const seeds = [
  denseClassifier({ layers: [3, 4, 2], activation: 'tanh', seed: 1 }),
  await readFixture('torch-mlp'),
  await readFixture('torch-reshape'),
]

const mutation = fc.oneof(
  fc.record({ kind: fc.constant('set'), at: fc.nat(), value: fc.nat(255) }),
  fc.record({ kind: fc.constant('cut'), at: fc.nat(), value: fc.nat(40) }),
  fc.record({ kind: fc.constant('repeat'), at: fc.nat(), value: fc.nat(40) }),
)

type Mutation = { kind: string; at: number; value: number }

function mutate(bytes: Uint8Array, mutations: readonly Mutation[]): Uint8Array {
  let mutated = [...bytes]
  for (const { kind, at, value } of mutations) {
    const place = at % Math.max(1, mutated.length)
    if (kind === 'set') mutated[place] = value
    else if (kind === 'cut') mutated.splice(place, value)
    else mutated = [...mutated.slice(0, place + value), ...mutated.slice(place)]
  }
  return Uint8Array.from(mutated)
}

/** Everything that is done with a model before it runs. */
function meet(model: Model): void {
  expect(decodeModel(encodeModel(model))).toBeDefined()
  const problems = refuseModel(model)
  const { values } = extractParameters(model, [])
  expect(graphDigest(model, []).length).toBe(32)
  expect(withParameters(model, [], values).length).toBeGreaterThan(0)
  for (const loss of LOSSES) {
    if (problems.length > 0) continue
    buildEvaluation(model, { loss, frozen: [] })
    buildTrainStep(model, { loss, frozen: [], momentum: 0.9, weightDecay: 0.1 })
  }
}

function expectOnlyConfigErrors(act: () => void): void {
  try {
    act()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
  }
}

describe('hostile models', () => {
  test('mutated files are read or refused', () => {
    fc.assert(
      fc.property(fc.constantFrom(...seeds), fc.array(mutation, { minLength: 1, maxLength: 4 }), (bytes, mutations) => {
        expectOnlyConfigErrors(() => meet(decodeModel(mutate(bytes, mutations))))
      }),
      { numRuns: 3000 },
    )
  })

  test('arbitrary bytes are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => expectOnlyConfigErrors(() => meet(decodeModel(bytes)))),
      { numRuns: 2000 },
    )
  })

  test('arbitrary models are refused', () => {
    fc.assert(fc.property(arbitraryModel, (model) => expectOnlyConfigErrors(() => meet(model))))
  })

  test('a graph that doubles ranks with every node stays small', () => {
    const base = decodeModel(seeds[0]!)
    const doubling = Array.from({ length: 60 }, (_, i) => ({
      ...base.graph.nodes[0]!,
      name: `d${i}`,
      opType: 'Gather',
      inputs: i === 0 ? ['x', 'x'] : [`d${i - 1}`, `d${i - 1}`],
      outputs: [`d${i}`],
      attributes: [],
    }))
    const hostile = { ...base, graph: { ...base.graph, nodes: [...doubling, ...base.graph.nodes] } }
    expectOnlyConfigErrors(() => meet(hostile))
  })
})
