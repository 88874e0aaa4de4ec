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
export function rosterLine(entry: RosterEntry): RosterLine {
  return { signingKey: entry.signingKey, entryHash: entryHash(entry) }
}

/**
 * `rosterDigest` = SHA-256 of ("blindsum/v1/roster", contextDigest, n, root), root the RFC 6962 root whose leaf i is
 * ("blindsum/v1/roster-leaf", i, v_pk, entry hash): the key that will verify a signature is itself in the leaf.
 */
export function rosterDigest(contextDigest: Uint8Array, lines: readonly RosterLine[]): Uint8Array {
  const leaves = lines.map((line, place) =>
    encodeTuple('blindsum/v1/roster-leaf', place + 1, line.signingKey, line.entryHash),
  )
  return digestTuple('blindsum/v1/roster', contextDigest, lines.length, merkleRoot(leaves))
}

/** Orders SPIFFE IDs bytewise (they are ASCII). */
export function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
