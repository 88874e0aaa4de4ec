/** Files read in pieces: hashed, and copied while they are hashed. */
import { createHash } from 'node:crypto'
import { type FileHandle, open, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

const PIECE_BYTES = 1 << 20

export interface HashedFile {
  readonly sha256: string
  readonly bytes: number
}

/** `null` when there is no such file. */
export async function hashFile(file: string): Promise<HashedFile | null> {
  return readHashed(file, async () => {})
}

/**
 * Copies a file so that the copy appears whole, on disk and with the bytes that were hashed, or not at all; where `expected`
 * is given and other bytes came, not at all either. `null` when there is no such file.
 */
export async function copyHashed(from: string, to: string, expected?: string): Promise<HashedFile | null> {
  const aside = join(dirname(to), `.${basename(to)}.copying`)
  const target = await open(aside, 'w', 0o600)
  let copied: HashedFile | null = null
  try {
    copied = await readHashed(from, (piece) => writeAll(target, piece))
    await target.sync()
  } finally {
    await target.close()
  }
  if (copied !== null && (expected === undefined || copied.sha256 === expected)) await rename(aside, to)
  return copied
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function readHashed(file: string, each: (piece: Uint8Array) => Promise<void>): Promise<HashedFile | null> {
  let handle: FileHandle
  try {
    handle = await open(file, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  try {
    const hash = createHash('sha256')
    const piece = new Uint8Array(PIECE_BYTES)
    let bytes = 0
    for (;;) {
      const { bytesRead } = await handle.read(piece, 0, PIECE_BYTES, null)
      if (bytesRead === 0) return { sha256: hash.digest('hex'), bytes }
      const part = piece.subarray(0, bytesRead)
      hash.update(part)
      await each(part)
      bytes += bytesRead
    }
  } finally {
    await handle.close()
  }
}

async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  let written = 0
  while (written < piece.length) written += (await file.write(piece, written, piece.length - written)).bytesWritten
}
