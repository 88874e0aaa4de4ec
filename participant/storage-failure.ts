/**
 * What the site's own disk refused: it is full, or it fails. In: whatever SQLite or the file system threw. Out: a code that
 * a person and the coordinator can be told. Nothing leaves an agent that cannot write down what guards it.
 */

export type StorageCode = 'disk_full' | 'storage_failed'

export class StorageFailure extends Error {
  readonly code: StorageCode

  constructor(code: StorageCode, options?: ErrorOptions) {
    super(SAID[code], options)
    this.name = 'StorageFailure'
    this.code = code
  }
}

/** For the coordinator too: no path and no size of the site's. */
const SAID: Readonly<Record<StorageCode, string>> = {
  disk_full: "this site's disk is full; the agent goes on by itself when there is room",
  storage_failed: "this site's disk cannot be written; the agent goes on by itself when it can",
}

/** SQLITE_FULL; SQLITE_IOERR, SQLITE_READONLY and SQLITE_CANTOPEN: the low byte of `errcode`. */
const SQLITE_FULL = 13
const SQLITE_FAILED = new Set([8, 10, 14])
/** No room, none left for this user, or none in a file of this process. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const FAILED = new Set(['EIO', 'EROFS', 'EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'EMFILE', 'ENFILE'])

/** The failure that `error` is, or null when it is not the disk's. */
export function storageFailureOf(error: unknown): StorageFailure | null {
  if (error instanceof StorageFailure) return error
  if (!(error instanceof Error)) return null
  const { code, errcode } = error as Error & { readonly code?: unknown; readonly errcode?: unknown }
  if (typeof errcode === 'number') {
    if ((errcode & 0xff) === SQLITE_FULL) return new StorageFailure('disk_full', { cause: error })
    return SQLITE_FAILED.has(errcode & 0xff) ? new StorageFailure('storage_failed', { cause: error }) : null
  }
  if (typeof code !== 'string') return null
  if (NO_ROOM.has(code)) return new StorageFailure('disk_full', { cause: error })
  return FAILED.has(code) ? new StorageFailure('storage_failed', { cause: error }) : null
}

/** For the log: what to do about it. */
export function storageAdvice(code: StorageCode, folder: string): string {
  if (code === 'disk_full') return `the disk of ${folder} is full: make room there; a restart is not needed`
  return `${folder} cannot be written: look at the disk, its mount and the folder's rights; a restart is not needed`
}
