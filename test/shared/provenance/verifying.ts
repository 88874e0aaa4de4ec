/** What the provenance tests share: throw-away signers, and the verifier over a history in memory. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSigner, type Signer } from '../../../coordinator/provenance/signer.ts'
import { folderOfFiles } from '../../../shared/provenance/verify/export-folder.ts'
import { parseProvenanceKey } from '../../../shared/provenance/verify/public-key.ts'
import {
  type TrustAnchors,
  type VerificationReport,
  verifyVersion,
} from '../../../shared/provenance/verify/verify-version.ts'
import type { History } from './history.ts'

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
