/** What lies where in a data folder; the words for people are in docs/operations.md. */
import { join } from 'node:path'
import { LOCK_FILES } from '../../shared/runtime/folder-lock.ts'

export const STORE_FILE = 'coordinator.sqlite'
export const BLOBS_FOLDER = 'blobs'
export const SPOOL_FOLDER = 'spool'
/** Where a restore lies until all of it is verified. */
export const RESTORING_FOLDER = 'restoring'

/** Where interrupted writes of blobs lie. */
export const INCOMPLETE_FOLDER = 'incomplete'

/** Everything that has a place there; a file system may put `lost+found` beside it. */
export const KNOWN_ENTRIES: ReadonlySet<string> = new Set([
  STORE_FILE,
  `${STORE_FILE}-wal`,
  `${STORE_FILE}-shm`,
  BLOBS_FOLDER,
  SPOOL_FOLDER,
  ...LOCK_FILES,
  'lock.sqlite-journal',
  'lock.pid',
  'listening.json',
  'lost+found',
])

export function storeFileOf(dataFolder: string): string {
  return join(dataFolder, STORE_FILE)
}

/** A blob's path below the blob folder. */
export function blobPath(digest: string): string {
  return join(digest.slice(0, 2), digest)
}

export function isDigest(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name)
}
