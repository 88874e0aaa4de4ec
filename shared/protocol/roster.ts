/**
 * The roster (U1): everyone admitted in stage 0, sorted by SPIFFE ID; a participant's index is its 1-based place.
 * Everybody gets the whole list as (v_pk, entry hash) and computes the roster digest itself; the full entries, with their
 * certificates, travel to neighbours only.
 */
import { merkleRoot } from '../crypto/merkle.ts'
import { digestTuple, encodeTuple } from './tuple.ts'

/** What a participant advertises in stage 0. Keys: X25519 (c, s) 32 bytes, P-256 compressed (v) 33 bytes. */
export interface RosterEntry {
  readonly spiffeId: string
  readonly channelKey: Uint8Array
  readonly maskKey: Uint8Array
  readonly signingKey: Uint8Array
  readonly advertisedAtMs: number
  /** DER certificates, leaf first. */
  readonly certificateChain: readonly Uint8Array[]
  /** By the leaf's key over {@link advertiseStatement}: raw r‖s, 64 bytes. */
  readonly signature: Uint8Array
}

/** One line of the roster as every participant sees it. */
export interface RosterLine {
  /** Whose line it is: its 1-based place among the plan's enrolled, sorted by SPIFFE ID. Increases from line to line. */
  readonly enrolment: number
  readonly signingKey: Uint8Array
  readonly entryHash: Uint8Array
}

/** The tuple the certificate's key signs in stage 0. */
export function advertiseStatement(
  contextDigest: Uint8Array,
  entry: Omit<RosterEntry, 'certificateChain' | 'signature'>,
) {
  return encodeTuple(
    'blindsum/v1/advertise',
    contextDigest,
    entry.spiffeId,
    entry.channelKey,
    entry.maskKey,
    entry.signingKey,
    entry.advertisedAtMs,
  )
}

/** SHA-256 over the whole entry; the chain is itself a tuple of its certificates. */
export function entryHash(entry: RosterEntry): Uint8Array {
  return digestTuple(
    'blindsum/v1/roster-entry',
    entry.spiffeId,
    entry.channelKey,
    entry.maskKey,
    entry.signingKey,
    entry.advertisedAtMs,
    encodeTuple('blindsum/v1/certificate-chain', ...entry.certificateChain),
    entry.signature,
  )
}

/** The roster's line for an entry. */
export function rosterLine(entry: RosterEntry, enrolment: number): RosterLine {
  return { enrolment, signingKey: entry.signingKey, entryHash: entryHash(entry) }
}

/** The 1-based place of every enrolled SPIFFE ID among all of them, sorted bytewise. */
export function enrolmentsOf(enrolled: readonly string[]): ReadonlyMap<string, number> {
  const known = enrolments.get(enrolled)
  if (known !== undefined) return known
  const sorted = enrolled.toSorted(compareIds)
  const made = new Map(sorted.map((spiffeId, place) => [spiffeId, place + 1]))
  enrolments.set(enrolled, made)
  return made
}

/** Sorted once per list: it is the plan's, and every session asks. */
const enrolments = new WeakMap<readonly string[], ReadonlyMap<string, number>>()

/**
 * Whether every line stands for another of `enrolledCount` identities. A colluder can sign any number of advertisements; without
 * this it could stand in one roster many times, as long as nobody honest is the neighbour of two of its lines.
 */
export function isEachLineAnothers(lines: readonly RosterLine[], enrolledCount: number): boolean {
  return lines.every(
    ({ enrolment }, place) => enrolment > (lines[place - 1]?.enrolment ?? 0) && enrolment <= enrolledCount,
  )
}

/**
 * `rosterDigest` = SHA-256 of ("blindsum/v1/roster", contextDigest, n, root), root the RFC 6962 root whose leaf i is
 * ("blindsum/v1/roster-leaf", i, enrolment, v_pk, entry hash): the key that will verify a signature is itself in the leaf.
 */
export function rosterDigest(contextDigest: Uint8Array, lines: readonly RosterLine[]): Uint8Array {
  const leaves = lines.map((line, place) =>
    encodeTuple('blindsum/v1/roster-leaf', place + 1, line.enrolment, line.signingKey, line.entryHash),
  )
  return digestTuple('blindsum/v1/roster', contextDigest, lines.length, merkleRoot(leaves))
}

/** Orders SPIFFE IDs bytewise (they are ASCII). */
export function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
