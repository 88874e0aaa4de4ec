/**
 * What a coordinator does with signing keys of its own: shows everybody a roster whose lines carry the true entry hashes, and
 * its own keys wherever the one it talks to has no entry to compare; and signs survivor lists with them.
 */
import type { Roster } from '../../coordinator/protocol/session-state.ts'
import { generateSigningKey, type SigningKey, sign } from '../../shared/crypto/signatures.ts'
import { decodeBitmap } from '../../shared/protocol/bitmap.ts'
import type { Instruction } from '../../shared/protocol/messages.ts'
import { holdersOf, neighbourGraph, neighboursOf } from '../../shared/protocol/neighbour-graph.ts'
import { type RosterLine, rosterDigest } from '../../shared/protocol/roster.ts'
import { survivorsStatement } from '../../shared/protocol/statements.ts'
import { certificateOver, type Lists, type Signatures } from './cut-off.ts'

/** Keys of the coordinator's, by the line they are meant for. */
export type OwnKeys = ReadonlyMap<number, SigningKey>

type ShareKeys = Extract<Instruction, { kind: 'share-keys' }>

/** Fresh keys for these lines. */
export function keysFor(indices: Iterable<number>): OwnKeys {
  return new Map([...indices].map((index) => [index, generateSigningKey()]))
}

/** The roster's lines with the coordinator's keys in those of `forged`. */
export function linesWith({ lines }: Roster, keys: OwnKeys, forged: ReadonlySet<number>): readonly RosterLine[] {
  return lines.map((line, place) => {
    const key = keys.get(place + 1)
    return key !== undefined && forged.has(place + 1) ? { ...line, signingKey: key.publicKey } : line
  })
}

/** Everybody whose entry `index` never sees on the coordinator's ring. */
export function strangersOf({ graph, entries }: Roster, index: number): ReadonlySet<number> {
  const known = new Set(holdersOf(graph, index))
  return new Set(entries.map((_, place) => place + 1).filter((other) => !known.has(other)))
}

/** Stage 1's instruction for `index` with these lines, and the neighbours that whoever reads them comes to. */
export function rosterFromLines(roster: Roster, index: number, lines: readonly RosterLine[]): ShareKeys {
  const { parameters, entries, digests } = roster
  const { contextDigest } = digests
  const graph = neighbourGraph(parameters, { contextDigest, rosterDigest: rosterDigest(contextDigest, lines) })
  const neighbours = neighboursOf(graph, index).flatMap((neighbour) => {
    const entry = entries[neighbour - 1]
    return entry === undefined ? [] : [{ index: neighbour, entry }]
  })
  return { kind: 'share-keys', ownIndex: index, lines, neighbours, threshold: parameters.threshold }
}

/**
 * A roster with `count` lines forged that `index` accepts: the coordinator tries keys until the ring that they lead to leaves
 * the forged lines out of its sight.
 */
export function groundRoster(roster: Roster, index: number, count: number): ShareKeys {
  const others = roster.entries.map((_, place) => place + 1).filter((other) => other !== index)
  const forged = new Set(others.slice(0, count))
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const shown = rosterFromLines(roster, index, linesWith(roster, keysFor(forged), forged))
    if (!shown.neighbours.some((neighbour) => forged.has(neighbour.index))) return shown
  }
  throw new Error(`no ring in ${MOST_TRIES} hides ${count} forged lines: do their keys move it at all?`)
}

const MOST_TRIES = 1000

/** A certificate for `index` over its list: its own signature, and the coordinator's in the names of strangers. */
export function forgedCertificate(
  roster: Roster,
  {
    lists,
    shared,
    keys,
    signatures,
  }: {
    readonly lists: Lists
    readonly shared: Uint8Array
    readonly keys: OwnKeys
    readonly signatures: Signatures
  },
  index: number,
) {
  const survivors = lists.get(index) ?? new Uint8Array(0)
  const statement = survivorsStatement(roster.digests, shared, survivors)
  const strangers = strangersOf(roster, index)
  const signed = new Map<number, Uint8Array>()
  for (const member of decodeBitmap(survivors, roster.entries.length) ?? []) {
    const key = keys.get(member)
    const own = member === index ? signatures.get(index) : undefined
    if (own !== undefined) signed.set(member, own)
    else if (key !== undefined && strangers.has(member)) signed.set(member, sign(key, statement))
  }
  return certificateOver(roster, { shared, survivors }, signed)
}
