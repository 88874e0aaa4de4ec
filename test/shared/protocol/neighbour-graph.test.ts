/** The ring: everybody has k neighbours, neighbourhood is mutual, and the order follows from the digests alone. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { holdersOf, neighbourGraph, neighboursOf } from '../../../shared/protocol/neighbour-graph.ts'
import { findParameters } from '../../../shared/protocol/threshold.ts'

const digestsOf = (seed: number) => ({
  contextDigest: new Uint8Array(createHash('sha256').update(`context ${seed}`).digest()),
  rosterDigest: new Uint8Array(createHash('sha256').update(`roster ${seed}`).digest()),
})

function sparse(participants: number, seed: number) {
  const assumptions = { gammaPpm: 50_000, deltaPpm: 50_000, colluders: Math.ceil(participants / 20) }
  const found = findParameters(participants, {
    ...assumptions,
    adversary: 'malicious',
    graph: 'auto',
    maxNeighbours: 1000,
  })
  if (!found.ok || found.parameters.graph !== 'sparse') throw new Error('a sparse graph')
  return { parameters: found.parameters, graph: neighbourGraph(found.parameters, digestsOf(seed)) }
}

describe('the sparse graph', () => {
  for (const size of [70, 101, 500]) {
    test(`of ${size}`, () => {
      const { parameters, graph } = sparse(size, size)
      for (let owner = 1; owner <= size; owner += 1) {
        const neighbours = neighboursOf(graph, owner)
        expect(neighbours).toHaveLength(parameters.neighbours)
        expect(new Set(neighbours).size).toBe(parameters.neighbours)
        expect(neighbours).toEqual([...neighbours].sort((a, b) => a - b))
        expect(neighbours).not.toContain(owner)
        expect(holdersOf(graph, owner)).toHaveLength(parameters.holders)
        for (const other of neighbours) expect(neighboursOf(graph, other)).toContain(owner)
      }
    })
  }

  test('is the same for the same digests and another for any other', () => {
    const order = (seed: number) => {
      const { graph } = sparse(100, seed)
      return graph.kind === 'sparse' ? graph.order.join() : ''
    }
    expect(order(1)).toBe(order(1))
    expect(order(1)).not.toBe(order(2))
    const { parameters } = sparse(100, 1)
    const mixed = neighbourGraph(parameters, { ...digestsOf(1), rosterDigest: digestsOf(2).rosterDigest })
    expect(mixed.kind === 'sparse' && mixed.order.join()).not.toBe(order(1))
  })

  test('puts every index at every place about as often as any other', () => {
    // 70 indices, 2 100 seeds: 30 expected at a place. Chi-square with 69 degrees exceeds 150 with probability below 1e-7.
    const counts = new Array<number>(70).fill(0)
    for (let seed = 0; seed < 2100; seed += 1) {
      const { graph } = sparse(70, seed)
      if (graph.kind !== 'sparse') throw new Error('a sparse graph')
      const place = graph.placeOf[0] ?? -1
      counts[place] = (counts[place] ?? 0) + 1
    }
    expect(counts.reduce((sum, count) => sum + (count - 30) ** 2 / 30, 0)).toBeLessThan(150)
  })
})

test('on the complete graph everybody is everybody’s neighbour', () => {
  const found = findParameters(5, {
    gammaPpm: 0,
    deltaPpm: 0,
    colluders: 0,
    adversary: 'malicious',
    graph: 'auto',
    maxNeighbours: 1000,
  })
  if (!found.ok) throw new Error('five have parameters')
  const graph = neighbourGraph(found.parameters, digestsOf(1))
  expect(neighboursOf(graph, 3)).toEqual([1, 2, 4, 5])
  expect(holdersOf(graph, 3)).toEqual([1, 2, 3, 4, 5])
})
