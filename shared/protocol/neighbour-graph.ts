/**
 * Who is whose neighbour: everybody everybody's, or a random ring (Harary graph) in which each has the k nearest places, k/2 to
 * either side. The ring's order follows from context and roster alone, so everybody works it out and nobody chooses it.
 */
import { Keystream } from '../crypto/keystream.ts'
import { invariant } from '../errors.ts'
import type { SessionDigests } from './deal.ts'
import type { SharingParameters } from './threshold.ts'
import { digestTuple } from './tuple.ts'

/** Plain data: `order` holds the roster index at each place of the ring, `placeOf` the place of each index (0-based both). */
export type NeighbourGraph =
  | { readonly kind: 'complete'; readonly participants: number }
  | {
      readonly kind: 'sparse'
      readonly neighbours: number
      readonly order: readonly number[]
      readonly placeOf: readonly number[]
    }

/** The graph of a session. O(n) once; the same for everybody with the same digests. */
export function neighbourGraph(parameters: SharingParameters, digests: SessionDigests): NeighbourGraph {
  const { participants, neighbours } = parameters
  if (parameters.graph === 'complete') return { kind: 'complete', participants }
  const order = ringOrder(participants, digests)
  const placeOf = new Array<number>(participants)
  for (const [place, index] of order.entries()) placeOf[index - 1] = place
  return { kind: 'sparse', neighbours, order, placeOf }
}

/** N(u): whom u masks and shares with, ascending. */
export function neighboursOf(graph: NeighbourGraph, owner: number): readonly number[] {
  return holdersOf(graph, owner).filter((index) => index !== owner)
}

/** H(u): the neighbours and u itself, who keeps a share of its own; ascending. Symmetric: v ∈ H(u) exactly if u ∈ H(v). */
export function holdersOf(graph: NeighbourGraph, owner: number): readonly number[] {
  if (graph.kind === 'complete') return Array.from({ length: graph.participants }, (_, place) => place + 1)
  const { order, placeOf, neighbours } = graph
  const size = order.length
  const place = placeOf[owner - 1]
  invariant(place !== undefined, `index ${owner} stands in the roster of ${size}`)
  const holders: number[] = []
  for (let away = -neighbours / 2; away <= neighbours / 2; away += 1) {
    const index = order[(place + away + size) % size]
    invariant(index !== undefined, 'every place of the ring is taken')
    holders.push(index)
  }
  return holders.sort((a, b) => a - b)
}

/**
 * Fisher–Yates from the end, over the indices 1…n. Random words are the ChaCha20 keystream (little-endian, 32 bits) under the key
 * SHA-256("blindsum/v1/graph", contextDigest, rosterDigest); words past the last whole multiple of the bound are drawn again.
 */
function ringOrder(size: number, { contextDigest, rosterDigest }: SessionDigests): readonly number[] {
  const words = keystreamWords(new Keystream(digestTuple('blindsum/v1/graph', contextDigest, rosterDigest)))
  const order = Array.from({ length: size }, (_, place) => place + 1)
  for (let last = size - 1; last > 0; last -= 1) {
    const chosen = below(last + 1, words)
    const [a, b] = [order[last], order[chosen]]
    invariant(a !== undefined && b !== undefined, 'both places are on the ring')
    order[last] = b
    order[chosen] = a
  }
  return order
}

/** A uniform number from 0 to bound − 1. */
function below(bound: number, words: Iterator<number, never>): number {
  const limit = Math.floor(2 ** 32 / bound) * bound
  for (;;) {
    const word = words.next().value
    if (word < limit) return word % bound
  }
}

/** The keystream word by word, read in larger pieces. */
function* keystreamWords(keystream: Keystream): Generator<number, never> {
  for (;;) yield* keystream.readWords32(WORDS_AT_ONCE)
}

const WORDS_AT_ONCE = 1024
