/**
 * What could not be kept: the disk is full, or the store or a file failed. Whoever asked for it is told to try again; nothing
 * of it counts.
 */

export class StorageFailure extends Error {
  readonly code: 'disk_full' | 'storage_failed'

  constructor(code: 'disk_full' | 'storage_failed', message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StorageFailure'
    this.code = code
  }
}

/** SQLITE_FULL, the low byte of `errcode`. */
const SQLITE_FULL = 13
/** What a file system says when there is no room, or none left for this user. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT'])

/** True when `error` means that there is no room on the disk. */
export function isDiskFull(error: unknown): boolean {
  if (error instanceof StorageFailure) return error.code === 'disk_full'
  if (!(error instanceof Error)) return false
  const { code, errcode } = error as Error & { readonly code?: unknown; readonly errcode?: unknown }
  if (typeof errcode === 'number') return (errcode & 0xff) === SQLITE_FULL
  return typeof code === 'string' && NO_ROOM.has(code)
}

/** The failure that `error` is to a caller. */
export function storageFailure(error: unknown): StorageFailure {
  if (error instanceof StorageFailure) return error
  if (isDiskFull(error)) {
    return new StorageFailure('disk_full', "the coordinator's disk is full; the same again may be taken later", {
      cause: error,
    })
  }
  const message = 'the coordinator could not write this down; the same again may be taken later'
  return new StorageFailure('storage_failed', message, { cause: error })
}
