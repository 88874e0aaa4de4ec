/**
 * A backup: the store as it is at one moment and every blob that it names, verified while they are copied, in a new folder
 * that appears whole or not at all. A coordinator may be running meanwhile.
 *
 * Live sessions stay behind. What sites revealed in them is forgotten when they end, and must not live on in a backup; and a
 * session that begins again from an old state would ask sites for what they have given already. The signing key stays behind
 * too: backups lie where others can read them.
 */
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ConfigError } from '../../shared/errors.ts'
import { SOFTWARE_VERSION } from '../../shared/runtime/software-version.ts'
import { namedBlobs } from './check-blobs.ts'
import { provenanceKeyBeside } from './check-data-folder.ts'
import { copyStore, LIVE_TABLES } from './copy-store.ts'
import { copyHashed, hashFile, syncFolder } from './hash-file.ts'
import { BLOBS_FOLDER, blobPath, STORE_FILE, storeFileOf } from './layout.ts'
import { BACKUP_FORMAT, type BackupManifest, MANIFEST_FILE } from './manifest.ts'
import { openStoredRows, refuseForeignStore } from './stored-rows.ts'

export interface BackupRequest {
  readonly dataFolder: string
  /** Private key file of the coordinator; its public key is named in the backup. */
  readonly keyFile: string
  /** A new or empty folder. */
  readonly to: string
  /** Told how many of the blobs are there. */
  readonly onBlob?: (done: number, of: number) => void
}

/** @throws ConfigError `folder_not_empty`, `folder_unwritable`, `blob_missing`, `blob_differs`, and what the store is refused for. */
export async function backUp(request: BackupRequest): Promise<BackupManifest> {
  const to = resolve(request.to)
  refuseForeignStore(storeFileOf(request.dataFolder), 'missing')
  await refuseUnlessEmpty(to)
  const aside = join(dirname(to), `.${basename(to)}.incomplete`)
  try {
    await rm(aside, { recursive: true, force: true })
    await mkdir(dirname(to), { recursive: true, mode: 0o700 })
    // Safety: not recursive, for that would take a folder which somebody else has put there meanwhile.
    await mkdir(aside, { mode: 0o700 })
    const manifest = await fill(aside, request)
    await rm(to, { recursive: true, force: true })
    await rename(aside, to)
    await syncFolder(dirname(to))
    return manifest
  } catch (cause) {
    await rm(aside, { recursive: true, force: true })
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError('folder_unwritable', `${to}: the backup failed: ${(cause as Error).message}`, { cause })
  }
}

/** @throws ConfigError `folder_not_empty`. */
export async function refuseUnlessEmpty(folder: string, ignored: ReadonlySet<string> = new Set()): Promise<void> {
  let entries: string[]
  try {
    entries = await readdir(folder)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return
    throw new ConfigError('folder_unwritable', `${folder}: cannot be listed: ${(cause as Error).message}`, { cause })
  }
  const [first] = entries.filter((name) => !ignored.has(name))
  if (first === undefined) return
  throw new ConfigError(
    'folder_not_empty',
    `${folder} is not empty (${first} is in it); name a new folder, or empty it first`,
  )
}

async function fill(folder: string, { dataFolder, keyFile, onBlob }: BackupRequest): Promise<BackupManifest> {
  const storeFile = join(folder, STORE_FILE)
  // There are no blobs before the first run.
  await mkdir(join(folder, BLOBS_FOLDER), { mode: 0o700 })
  const sessionsLeftOut = copyOfStore(storeFileOf(dataFolder), storeFile)
  const stored = openStoredRows(storeFile)
  try {
    const named = namedBlobs(stored)
    const blobs: { sha256: string; bytes: number }[] = []
    for (const [digest, what] of named) {
      blobs.push(await copyBlob(dataFolder, folder, { digest, what }))
      onBlob?.(blobs.length, named.size)
    }
    const store = await hashFile(storeFile)
    const manifest: BackupManifest = {
      format: BACKUP_FORMAT,
      madeAt: new Date().toISOString(),
      softwareVersion: SOFTWARE_VERSION,
      schemaVersion: stored.schemaVersion,
      runs: stored.rows('run').length,
      versions: stored.rows('version').length,
      sessionsLeftOut,
      keyHint: keyHintOf(keyFile),
      store: store ?? { sha256: '', bytes: 0 },
      blobs,
    }
    await syncFolder(join(folder, BLOBS_FOLDER))
    await writeFile(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600, flush: true })
    await syncFolder(folder)
    return manifest
  } finally {
    stored.close()
  }
}

/** Returns how many live sessions were left out. */
function copyOfStore(from: string, to: string): number {
  const target = new DatabaseSync(to)
  try {
    target.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL')
    copyStore(from, target, LIVE_TABLES)
    const [row] = target.prepare(`SELECT count(*) AS live FROM session_attempt WHERE outcome = 'live'`).all()
    return Number(row?.live ?? 0)
  } finally {
    target.close()
  }
}

async function copyBlob(
  dataFolder: string,
  folder: string,
  { digest, what }: { readonly digest: string; readonly what: string },
): Promise<{ sha256: string; bytes: number }> {
  const target = join(folder, BLOBS_FOLDER, blobPath(digest))
  await mkdir(dirname(target), { recursive: true, mode: 0o700 })
  const copied = await copyHashed(join(dataFolder, BLOBS_FOLDER, blobPath(digest)), target, digest)
  if (copied === null)
    throw new ConfigError('blob_missing', `${what} is missing: blob ${digest}; see coordinator --check`)
  if (copied.sha256 !== digest) {
    throw new ConfigError(
      'blob_differs',
      `${what} has other bytes than those stored: blob ${digest}; see coordinator --check`,
    )
  }
  await syncFolder(dirname(target))
  return copied
}

export function keyHintOf(keyFile: string): string | null {
  try {
    return provenanceKeyBeside(keyFile).hint
  } catch {
    return null
  }
}
