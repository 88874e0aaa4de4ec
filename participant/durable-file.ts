/**
 * Files of the site's own data folder that come into being whole, or not at all, and are overwritten before they go. What
 * they hold is in plain text and never leaves the site: they are for the agent's user only (mode 0600).
 */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

const ZEROS = new Uint8Array(1024 * 1024)

/** Parts of files that a killed process left half written. */
const partial = (path: string) => `${path}.part-`
/** A name that nobody can have put something under: `wx` makes the file, or fails, and follows no link. */
const newPartial = (path: string) => `${partial(path)}${randomBytes(6).toString('hex')}`

/**
 * Writes the parts one after another; durable, and in the place of what was there, when it resolves. Rejects with the file
 * system's error, and what was there before stays.
 */
export async function writeDurably(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const temporary = newPartial(path)
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      for (const part of parts) await writeWhole(file, part)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    await syncFolder(dirname(path))
  } catch (error) {
    await eraseFile(temporary).catch(() => {})
    throw error
  }
}

/**
 * Overwrites and removes a file; one that is not there is no error. On a disk that writes elsewhere than it read (SSDs,
 * copy on write) the old blocks may live on: best effort. Of a link, what it leads to stays.
 */
export async function eraseFile(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null)
  if (found === null) return
  // A disk that takes no zeros still takes the removal.
  if (found.isFile()) await overwrite(path, found.size).catch(() => {})
  await rm(path, { force: true })
  await syncFolder(dirname(path))
}

/** {@link eraseFile}, if it was written before this time (Unix milliseconds). */
export async function eraseOlder(path: string, beforeMs: number): Promise<boolean> {
  const found = await lstat(path).catch(() => null)
  if (found === null || found.mtimeMs >= beforeMs) return false
  await eraseFile(path)
  return true
}

/** Erases what writers of `path` left half written, before a time if given. Nobody may be writing it since then. */
export async function erasePartial(path: string, beforeMs = Number.POSITIVE_INFINITY): Promise<void> {
  const prefix = basename(partial(path))
  const names = await readdir(dirname(path)).catch(() => [])
  for (const name of names) if (name.startsWith(prefix)) await eraseOlder(join(dirname(path), name), beforeMs)
}

/** Rejects with the file system's error unless so many bytes can be written beside `path`; leaves nothing behind. */
export async function proveRoom(path: string, bytes: number): Promise<void> {
  const trial = newPartial(path)
  try {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(trial, 'wx', 0o600)
    try {
      for (let at = 0; at < bytes; at += ZEROS.length) await writeWhole(file, ZEROS.subarray(0, bytes - at))
      await file.sync()
    } finally {
      await file.close()
    }
  } finally {
    await rm(trial, { force: true })
  }
}

async function overwrite(path: string, bytes: number): Promise<void> {
  const file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW)
  try {
    for (let at = 0; at < bytes; at += ZEROS.length) await writeWhole(file, ZEROS.subarray(0, bytes - at), at)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** A write may take less than it was given: a disk that is almost full does. */
async function writeWhole(
  file: Awaited<ReturnType<typeof open>>,
  bytes: Uint8Array,
  from: number | null = null,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, from === null ? null : from + done)
    done += bytesWritten
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
