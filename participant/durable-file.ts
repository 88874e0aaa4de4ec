/**
 * Files of the site's own data folder that come into being whole, or not at all, and are overwritten before they go. What
 * they hold is in plain text and never leaves the site: they are for the agent's user only (mode 0600).
 */
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

const ZEROS = new Uint8Array(1024 * 1024)

/** Parts of files that a killed process left half written; the process id keeps two writers apart. */
const partial = (path: string) => `${path}.part-`

/**
 * Writes the parts one after another; durable, and in the place of what was there, when it resolves. Rejects with the file
 * system's error, and what was there before stays.
 */
export async function writeDurably(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const temporary = `${partial(path)}${process.pid}`
  try {
    const file = await open(temporary, 'w', 0o600)
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
 * copy on write) the old blocks may live on: best effort.
 */
export async function eraseFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => null)
  if (found === null) return
  // A disk that takes no zeros still takes the removal.
  await overwrite(path, found.size).catch(() => {})
  await rm(path, { force: true })
  await syncFolder(dirname(path))
}

/** {@link eraseFile}, if it was written before this time (Unix milliseconds). */
export async function eraseOlder(path: string, beforeMs: number): Promise<boolean> {
  const found = await stat(path).catch(() => null)
  if (found === null || found.mtimeMs >= beforeMs) return false
  await eraseFile(path)
  return true
}

/** Erases what writers of `path` left half written. Nobody may be writing it. */
export async function erasePartial(path: string): Promise<void> {
  const prefix = basename(partial(path))
  const names = await readdir(dirname(path)).catch(() => [])
  for (const name of names) if (name.startsWith(prefix)) await eraseFile(join(dirname(path), name))
}

/** Rejects with the file system's error unless so many bytes can be written beside `path`; leaves nothing behind. */
export async function proveRoom(path: string, bytes: number): Promise<void> {
  const trial = `${partial(path)}room`
  try {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(trial, 'w', 0o600)
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
  const file = await open(path, 'r+')
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
