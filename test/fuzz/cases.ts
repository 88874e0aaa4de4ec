/** One case: a moment of the corpus, what is changed, and whether the attacker signs the change. Made from seed and number. */
import type { Corpus, Moment } from './corpus.ts'
import { dice } from './dice.ts'
import { type Mutation, mutate, rollMutation } from './mutations.ts'
import { resign } from './resign.ts'
import { readTree, type WireTree, writeTree } from './wire-tree.ts'

export interface FuzzCase {
  /** Of a {@link Moment}. */
  readonly moment: string
  readonly mutations: readonly Mutation[]
  readonly isResigned: boolean
  /** Told to the state after the honest message: a second message in place of the first. */
  readonly isSecond: boolean
  /** Single bits of the finished message, by place modulo its length. */
  readonly flips: readonly number[]
  /** Bytes cut from the end. */
  readonly cut: number
}

const HONEST = { mutations: [], isResigned: false, isSecond: false, flips: [], cut: 0 } as const

/** The honest message of a moment as a case, to change a field of by hand. */
export function honestCase(moment: string): FuzzCase {
  return { moment, ...HONEST }
}

/** A case on the sparse graph takes as long as dozens of others. */
const SPARSE_SHARE = 0.02

export function rollCase(corpus: Corpus, seed: number, caseNumber: number): FuzzCase {
  const rolled = dice(seed, caseNumber)
  const isSparse = rolled.chance(SPARSE_SHARE)
  const pool = corpus.moments.filter(({ name }) => name.startsWith('sparse/') === isSparse)
  const candidates = pool.length === 0 ? corpus.moments : pool
  // Of two, mostly the one with more in it: there is more to break.
  const [one, other] = [rolled.pick(candidates), rolled.pick(candidates)]
  const isLarger = honestBytes(one).length >= honestBytes(other).length
  const moment = (isLarger === rolled.chance(0.8) ? one : other).name
  const isSecond = rolled.chance(0.15)
  const isResigned = rolled.chance(0.4)
  const mutations = Array.from({ length: rolled.pick([0, 1, 1, 1, 1, 2, 2, 3, 4]) }, () => rollMutation(rolled))
  const isRaw = mutations.length === 0 || rolled.chance(0.05)
  const flips = isRaw ? Array.from({ length: rolled.pick([1, 1, 1, 2, 8]) }, () => rolled.roll(0x7fffffff)) : []
  const cut = rolled.chance(0.03) ? 1 + rolled.roll(40) : 0
  return { moment, mutations, isResigned, isSecond, flips, cut }
}

export function momentOf(corpus: Corpus, { moment }: FuzzCase): Moment {
  const found = corpus.moments.find(({ name }) => name === moment)
  if (found === undefined) throw new Error(`no moment ${moment}`)
  return found
}

/** The honest bytes of a moment. */
export function honestBytes(moment: Moment): Uint8Array {
  if (moment.side === 'participant') return moment.bytes
  return moment.requests[moment.target] ?? new Uint8Array(0)
}

const trees = new WeakMap<Moment, WireTree>()

/** The message of a moment as a tree; not to be changed. */
export function treeOf(moment: Moment): WireTree {
  const known = trees.get(moment)
  if (known !== undefined) return known
  const tree = readTree(moment.wireMessage, honestBytes(moment))
  trees.set(moment, tree)
  return tree
}

/** The bytes of a case. */
export function bytesOf(corpus: Corpus, fuzzCase: FuzzCase): Uint8Array {
  const moment = momentOf(corpus, fuzzCase)
  const tree = readTree(moment.wireMessage, honestBytes(moment))
  const { moments } = corpus
  const donor = (number: number) => {
    const giver = moments[number % moments.length] ?? moment
    return treeOf(giver)
  }
  const size = moment.session.federation.sites.size
  for (const mutation of fuzzCase.mutations) mutate(tree, mutation, { size, donor })
  let bytes = writeTree(tree)
  if (fuzzCase.isResigned) bytes = resign(moment, bytes)
  return finish(bytes, fuzzCase)
}

function finish(bytes: Uint8Array, { flips, cut }: FuzzCase): Uint8Array {
  const out = bytes.slice(0, Math.max(0, bytes.length - cut))
  for (const flip of flips) {
    const bit = flip % Math.max(1, out.length * 8)
    if (out.length > 0) out[bit >> 3] = (out[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  }
  return out
}
