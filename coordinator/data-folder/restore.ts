/**
 * A data folder from a backup. Everything is copied into a folder inside it and verified there, the way `coordinator --check`
 * does it; then it is moved to its place, the store last. Whatever happens meanwhile, a coordinator finds either nothing, or
 * a restore that has not ended and that it will not start on, or all of it.
 */
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ConfigError } from '../../shared/errors.ts'
import { LOCK_FILES, lockFolder } from '../../shared/runtime/folder-lock.ts'
import { SCHEMA_VERSION } from '../store/migrations.ts'
import { keyHintOf, refuseUnlessEmpty } from './backup.ts'
import { checkDataFolder } from './check-data-folder.ts'
import type { FolderFinding } from './finding.ts'
import { copyHashed, type HashedFile, syncFolder } from './hash-file.ts'
import { refuseForeignSchema } from './known-schema.ts'
import { BLOBS_FOLDER, blobPath, RESTORING_FOLDER, STORE_FILE } from './layout.ts'
import { type BackupManifest, backupManifest, MANIFEST_FILE } from './manifest.ts'
import { refuseForeignStore } from './stored-rows.ts'

export interface RestoreRequest {
  readonly from: string
  readonly dataFolder: string
  /** Private key file of the coordinator: it should be the one that the versions were signed with. */
  readonly keyFile: string
  /** Told how many of the blobs are there. */
  readonly onBlob?: (done: number, of: number) => void
}

export interface Restored {
  readonly manifest: BackupManifest
  readonly findings: readonly FolderFinding[]
  /** False when the configured key is not there, or another: a coordinator would go on with a key of its own. */
  readonly isKeyThere: boolean
}

const IGNORED: ReadonlySet<string> = new Set([...LOCK_FILES, 'lock.sqlite-journal', RESTORING_FOLDER, 'lost+found'])

/**
 * @throws ConfigError `backup_unreadable`, `store_too_new`, `folder_not_empty`, `folder_in_use`, `backup_differs` when a file
 * is missing or has other bytes than the backup says, `store_foreign` when its store is not ours, `backup_broken` when what it holds does not verify.
 */
export async function restore(request: RestoreRequest): Promise<Restored> {
  const { from, dataFolder } = request
  const manifest = await readManifest(from)
  if (manifest.schemaVersion > SCHEMA_VERSION) {
    const problem = `the backup has schema ${manifest.schemaVersion}, this software knows ${SCHEMA_VERSION}: use the newer software`
    throw new ConfigError('store_too_new', problem)
  }
  const lock = lockFolder(dataFolder, 'restore')
  try {
    const staging = join(dataFolder, RESTORING_FOLDER)
    if (!(await isUnfinished(staging))) await refuseUnlessEmpty(dataFolder, IGNORED)
    else await clearUnfinished(dataFolder, staging)
    await mkdir(staging, { mode: 0o700 })
    await syncFolder(dataFolder)
    try {
      const restored = await stage(request, manifest, staging)
      await putInPlace(dataFolder, staging)
      return restored
    } catch (error) {
      await clearUnfinished(dataFolder, staging)
      throw error
    }
  } finally {
    lock.release()
  }
}

/** @throws ConfigError `restore_unfinished` for a folder in which a restore has not come to its end. */
export async function refuseUnfinishedRestore(dataFolder: string): Promise<void> {
  if (!(await isUnfinished(join(dataFolder, RESTORING_FOLDER)))) return
  const problem = `${dataFolder}: a restore was cut off in it; run it again, it begins anew`
  throw new ConfigError('restore_unfinished', problem)
}

async function readManifest(from: string): Promise<BackupManifest> {
  try {
    return backupManifest.parse(JSON.parse(await readFile(join(from, MANIFEST_FILE), 'utf8')))
  } catch (cause) {
    const problem = `${from}: no backup, or one that this software cannot read: ${(cause as Error).message.split('\n')[0]}`
    throw new ConfigError('backup_unreadable', problem, { cause })
  }
}

async function stage(
  { from, keyFile, onBlob }: RestoreRequest,
  manifest: BackupManifest,
  staging: string,
): Promise<Restored> {
  await copyChecked(from, staging, { path: STORE_FILE, ...manifest.store })
  refuseForeign(join(staging, STORE_FILE))
  for (const [place, blob] of manifest.blobs.entries()) {
    await copyChecked(from, staging, { path: join(BLOBS_FOLDER, blobPath(blob.sha256)), ...blob })
    onBlob?.(place + 1, manifest.blobs.length)
  }
  const key = keyHintOf(keyFile)
  const isKeyThere = manifest.keyHint === null || key === manifest.keyHint
  const findings = await checkDataFolder({ dataFolder: staging, keyFile })
  const broken = findings.filter(({ verdict, check }) => verdict === 'broken' && (isKeyThere || check !== 'history'))
  if (broken.length > 0) {
    const problems = broken.flatMap(({ check, problems }) => problems.map((problem) => `${check}: ${problem}`))
    throw new ConfigError('backup_broken', ['what the backup holds does not verify; nothing was restored', ...problems])
  }
  return { manifest, findings, isKeyThere }
}

/** Safety: what a coordinator opens and goes on with has no schema but ours: no trigger, no view. */
function refuseForeign(storeFile: string): void {
  refuseForeignStore(storeFile, 'missing')
  try {
    refuseForeignSchema(storeFile)
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError('backup_broken', `the store of the backup cannot be read: ${(cause as Error).message}`, {
      cause,
    })
  }
}

async function copyChecked(from: string, staging: string, file: HashedFile & { readonly path: string }): Promise<void> {
  const target = join(staging, file.path)
  await mkdir(dirname(target), { recursive: true, mode: 0o700 })
  const copied = await copyHashed(join(from, file.path), target, file.sha256)
  const found =
    copied === null ? 'is missing' : copied.sha256 === file.sha256 ? null : 'has other bytes than the backup says'
  if (found !== null) throw new ConfigError('backup_differs', `${join(from, file.path)} ${found}; nothing was restored`)
  await syncFolder(dirname(target))
}

/** The store is moved last: without it there is no coordinator to find. */
async function putInPlace(dataFolder: string, staging: string): Promise<void> {
  await mkdir(join(staging, BLOBS_FOLDER), { recursive: true, mode: 0o700 })
  await rename(join(staging, BLOBS_FOLDER), join(dataFolder, BLOBS_FOLDER))
  await syncFolder(join(dataFolder, BLOBS_FOLDER))
  await rename(join(staging, STORE_FILE), join(dataFolder, STORE_FILE))
  await syncFolder(dataFolder)
  // Crash here: all is in its place, and the empty folder says that the restore has to be run again.
  await rm(staging, { recursive: true, force: true })
  await syncFolder(dataFolder)
}

async function isUnfinished(staging: string): Promise<boolean> {
  return (await syncFolder(staging).catch(() => 'absent')) !== 'absent'
}

/** A restore begins in an empty folder only: whatever else lies there now is its own. */
async function clearUnfinished(dataFolder: string, staging: string): Promise<void> {
  await rm(join(dataFolder, STORE_FILE), { force: true })
  await rm(join(dataFolder, BLOBS_FOLDER), { recursive: true, force: true })
  await rm(staging, { recursive: true, force: true })
}
