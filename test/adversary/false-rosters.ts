/** Rosters as a malicious coordinator would make them: entries of its own, properly signed by whomever it can get to sign. */
import type { SessionSetup } from '../../coordinator/protocol/session-state.ts'
import { generateKeyPair } from '../../shared/crypto/key-agreement.ts'
import { generateSigningKey } from '../../shared/crypto/signatures.ts'
import type { Instruction } from '../../shared/protocol/messages.ts'
import { neighbourGraph, neighboursOf } from '../../shared/protocol/neighbour-graph.ts'
import {
  advertiseStatement,
  enrolmentsOf,
  type RosterEntry,
  type RosterLine,
  rosterDigest,
  rosterLine,
} from '../../shared/protocol/roster.ts'
import type { SharingParameters } from '../../shared/protocol/threshold.ts'
import { systemRng } from '../../shared/random.ts'
import { NOW_MS } from '../protocol/federation.ts'
import type { SiteIdentity } from '../protocol/identities.ts'
import { coordinatorAt, type Watched } from './recorded-session.ts'
import type { WatchedSite } from './what-left.ts'

export type FalseRoster = Extract<Instruction, { kind: 'share-keys' }>

/** An entry with fresh keys whose secrets the caller might hold, signed by `identity` after `changes`. */
export function entryBy(
  identity: SiteIdentity,
  contextDigest: Uint8Array,
  changes: Partial<RosterEntry> = {},
): RosterEntry {
  const unsigned = {
    spiffeId: identity.spiffeId,
    channelKey: generateKeyPair(systemRng).publicKey,
    maskKey: generateKeyPair(systemRng).publicKey,
    signingKey: generateSigningKey().publicKey,
    advertisedAtMs: NOW_MS,
    certificateChain: identity.certificateChain,
    ...changes,
  }
  return { ...unsigned, signature: identity.signWithCertificate(advertiseStatement(contextDigest, unsigned)) }
}

/**
 * The roster with other entries at these places, shown to `victim`; neighbours and lines are made to agree. Forged anew until
 * the victim is a neighbour of all of them: on a ring, other keys are another order.
 */
export function forgedRoster(
  federation: Watched,
  victim: WatchedSite,
  forge: () => Readonly<Record<number, RosterEntry>>,
): FalseRoster {
  const { setup, roster } = coordinatorAt(federation, 'share-keys')
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const forged = forge()
    const entries = roster.entries.map((entry, place) => forged[place + 1] ?? entry)
    const shown = rosterOf(setup, entries, { to: victim.spiffeId, parameters: roster.parameters })
    const seen = new Set([shown.ownIndex, ...shown.neighbours.map(({ index }) => index)])
    if (Object.keys(forged).every((index) => seen.has(Number(index)))) return shown
  }
  throw new Error('the victim is never a neighbour of the forged entries')
}

/** Every entry's own line; one of nobody who is enrolled is given the place it stands at. */
function linesOf(entries: readonly RosterEntry[], enrolled: readonly string[]): readonly RosterLine[] {
  const enrolments = enrolmentsOf(enrolled)
  return entries.map((entry, place) => rosterLine(entry, enrolments.get(entry.spiffeId) ?? place + 1))
}

/** A roster of exactly these entries, in this order, under parameters of the coordinator's choice, as it would be shown to `spiffeId`. */
export function rosterOf(
  { contextDigest, enrolled }: Pick<SessionSetup, 'contextDigest' | 'enrolled'>,
  entries: readonly RosterEntry[],
  shown: {
    readonly to: string
    readonly parameters: SharingParameters
    /** Lines beside the entries; by default those of the entries. */
    readonly lines?: readonly RosterLine[]
  },
): FalseRoster {
  const { to, parameters, lines = linesOf(entries, enrolled) } = shown
  const graph = neighbourGraph(parameters, { contextDigest, rosterDigest: rosterDigest(contextDigest, lines) })
  const ownIndex = entries.findIndex(({ spiffeId }) => spiffeId === to) + 1
  const neighbours = neighboursOf(graph, ownIndex).flatMap((index) => {
    const entry = entries[index - 1]
    return entry === undefined ? [] : [{ index, entry }]
  })
  return { kind: 'share-keys', ownIndex, lines, neighbours, threshold: parameters.threshold }
}
