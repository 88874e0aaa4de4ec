/**
 * The record of one completed session, a file beside the provenance that binds it by digest: what the session was about,
 * who was on the roster, which sets the quorum certified, and a receipt per survivor. Everything in it was public to the
 * coordinator; nothing of it is secret.
 */
import { sha256, sha256Hex } from '../crypto/digest.ts'
import { invariant } from '../errors.ts'
import { decodeBitmap } from '../protocol/bitmap.ts'
import { contextDigest, type SessionContext } from '../protocol/context.ts'
import type { QuorumCertificate } from '../protocol/quorum-certificate.ts'
import { type RosterEntry, type RosterLine, rosterDigest } from '../protocol/roster.ts'
import { survivorsStatement } from '../protocol/statements.ts'
import { type Receipt, receiptSha256 } from './receipt.ts'
import { encodeSessionRecord } from './session-record-file.ts'
import type { SessionClaim } from './version-record.ts'

export interface SessionRecord {
  readonly context: SessionContext
  /** Every line, also of participants that dropped out. */
  readonly roster: readonly RosterLine[]
  readonly rosterDigest: Uint8Array
  /** Over U2 (`shared`) and U3 (`survivors`), both bitmaps over the roster. */
  readonly certificate: QuorumCertificate
  /** One per member of U3, in index order. */
  readonly receipts: readonly Receipt[]
}

/** What a coordinator holds of a session it completed. */
export interface CompletedSession {
  readonly context: SessionContext
  /** The roster in index order. */
  readonly entries: readonly RosterEntry[]
  readonly lines: readonly RosterLine[]
  readonly certificate: QuorumCertificate
  /** By 1-based index: the digest of the masked input and the signature over it, of at least every survivor. */
  readonly contributions: ReadonlyMap<number, { readonly digest: Uint8Array; readonly signature: Uint8Array }>
}

/** The record of a completed session. */
export function sessionRecordOf(session: CompletedSession): SessionRecord {
  const roster = session.lines
  const survivors = decodeBitmap(session.certificate.survivors, roster.length)
  invariant(survivors !== null, 'the survivors are a bitmap over the roster')
  return {
    context: session.context,
    roster,
    rosterDigest: rosterDigest(contextDigest(session.context), roster),
    certificate: session.certificate,
    receipts: survivors.map((index) => {
      const entry = session.entries[index - 1]
      const contribution = session.contributions.get(index)
      invariant(entry && contribution, `survivor ${index} has an entry and a contribution`)
      return { index, entry, digest: contribution.digest, signature: contribution.signature }
    }),
  }
}

/** What a version's provenance claims about the session it came from. */
export function sessionClaimOf(record: SessionRecord): SessionClaim {
  const digests = { contextDigest: contextDigest(record.context), rosterDigest: record.rosterDigest }
  const { shared, survivors } = record.certificate
  return {
    recordSha256: sha256Hex(encodeSessionRecord(record)),
    contextDigest: digests.contextDigest,
    rosterDigest: digests.rosterDigest,
    rosterSize: record.roster.length,
    survivors: record.receipts.map((receipt) => receipt.index),
    survivorsDigest: sha256(survivorsStatement(digests, shared, survivors)),
    receipts: record.receipts.map((receipt) => ({ spiffeId: receipt.entry.spiffeId, sha256: receiptSha256(receipt) })),
  }
}
