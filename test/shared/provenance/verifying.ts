/**
 * What the provenance tests share: throw-away signers, the verifier over a history in memory, and the lies a coordinator
 * can tell about version 2.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSigner, type Signer } from '../../../coordinator/provenance/signer.ts'
import type { SessionRecord } from '../../../shared/provenance/session-record.ts'
import { folderOfFiles } from '../../../shared/provenance/verify/export-folder.ts'
import type { Link } from '../../../shared/provenance/verify/link.ts'
import { parseProvenanceKey } from '../../../shared/provenance/verify/public-key.ts'
import {
  type TrustAnchors,
  type VerificationReport,
  verifyVersion,
} from '../../../shared/provenance/verify/verify-version.ts'
import type { SessionClaim, VersionRecord } from '../../../shared/provenance/version-record.ts'
import type { Issuer } from '../identity/test-pki.ts'
import type { RoundSpec } from './completed-round.ts'
import { type History, type HistoryHooks, makeHistory } from './history.ts'

const folders: string[] = []

/** An empty folder that {@link removeSigners} removes. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'provenance-'))
  folders.push(folder)
  return folder
}

/** A signer with a key of its own on disk. */
export function newSigner(): Signer {
  return createSigner({ keyFile: join(newFolder(), 'signer.pem') })
}

/** Removes what {@link newFolder} made. */
export function removeSigners(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
}

/** Verifies with the history's own key and bundle, or others. */
export function verifyHistory(history: History, anchors: Partial<TrustAnchors> = {}): VerificationReport {
  return verifyVersion(folderOfFiles(history.files), {
    key: parseProvenanceKey(history.publicKeyPem),
    trustBundle: history.bundle,
    receiptsWaived: false,
    ...anchors,
  })
}

/** The first broken link of a history with these hooks, if any. */
export function firstBroken(signer: Signer, hooks: HistoryHooks): Link | null {
  return verifyHistory(makeHistory(signer, hooks)).firstBroken
}

/** Changes what the statement of version 2 says. */
export function stating(change: (record: VersionRecord) => Partial<VersionRecord>): HistoryHooks {
  return { record: (record) => (record.version === 2 ? { ...record, ...change(record) } : record) }
}

/** Changes what it says of its session. */
export function claiming(change: (session: SessionClaim) => Partial<SessionClaim>): HistoryHooks {
  return stating(({ session }) => ({ session: session && { ...session, ...change(session) } }))
}

/** Changes what is recorded of that session; the statement names the record as changed. */
export function recording(change: (record: SessionRecord) => Partial<SessionRecord>): HistoryHooks {
  return { sessionRecord: (record, version) => (version === 2 ? { ...record, ...change(record) } : record) }
}

/** Changes what happened in that session; everybody signs what happened. */
export function happening(change: (round: RoundSpec, authority: Issuer) => Partial<RoundSpec>): HistoryHooks {
  return { round: (round, authority) => (round.version === 2 ? { ...round, ...change(round, authority) } : round) }
}
