/** The sparse graph end to end: everybody has k neighbours of n − 1, some fall silent at every stage, and the sum is exact. */
import { beforeAll, expect, test } from 'vitest'
import { holdersOf, neighboursOf } from '../../shared/protocol/neighbour-graph.ts'
import { NOW_MS, openFederation, outcomeOf, plaintextSum, runSession, walkStage } from './federation.ts'
import { type Identities, makeIdentities } from './identities.ts'

const SIZE = 76
let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
})

const open = () => openFederation({ size: SIZE, identities, parameterCount: 8, gammaPpm: 50_000, deltaPpm: 100_000 })

const stages = ['advertise-keys', 'share-keys', 'contribution', 'attest-survivors', 'reveal-shares'] as const

test('some fall silent at each stage, one after the other', { timeout: 120_000 }, async () => {
  const federation = await open()
  const ids = [...federation.sites.keys()]
  const leaving = new Map(stages.flatMap((stage, at) => [ids[7 + 13 * at], ids[11 + 13 * at]].map((id) => [id, stage])))
  const sum = await runSession(federation, { up: (message, from) => leaving.get(from) !== message.kind })
  const { stage, survivors } = outcomeOf(federation)
  expect(stage).toBe('completed')
  expect(survivors).toHaveLength(SIZE - 2 - 2 - 2)
  expect(sum).toEqual(plaintextSum(federation, survivors))
})

test('everybody hears of k neighbours and nobody of more', { timeout: 120_000 }, async () => {
  const federation = await open()
  await walkStage(federation)
  if (!('roster' in federation.coordinator)) throw new Error('stage 1')
  const { graph, parameters } = federation.coordinator.roster
  expect(parameters).toMatchObject({ graph: 'sparse', neighbours: 64 })
  for (let index = 1; index <= SIZE; index += 1) {
    const neighbours = neighboursOf(graph, index)
    expect(neighbours).toHaveLength(64)
    for (const other of neighbours) expect(holdersOf(graph, other)).toContain(index)
  }
})

test('whoever is left with too few holders in stage 1 is left out of U2', { timeout: 120_000 }, async () => {
  const federation = await open()
  await walkStage(federation)
  if (!('roster' in federation.coordinator)) throw new Error('stage 1')
  const { roster } = federation.coordinator
  // All but t − 1 of one participant's holders fall silent: more than δ counts on, and it cannot be masked for.
  const lonely = 1
  const others = neighboursOf(roster.graph, lonely)
  const gone = new Set(
    others.slice(roster.parameters.threshold - 2).map((index) => roster.entries[index - 1]?.spiffeId),
  )
  const sum = await runSession(federation, {
    up: (message, from) => !(gone.has(from) && message.kind === 'share-keys'),
  })
  const { stage, survivors, reason } = outcomeOf(federation)
  expect(gone.size).toBe(66 - roster.parameters.threshold)
  if (stage === 'aborted') expect(reason).toBe('too_few_shared')
  else {
    expect(survivors).not.toContain(lonely)
    expect(sum).toEqual(plaintextSum(federation, survivors))
  }
})
