/** A sum of masked inputs as a file: its lanes as they stand in memory, on disk when written, verified when read. */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { invariant } from '../../shared/errors.ts'
import type { Lanes } from '../../shared/vector/encoding.ts'
import { syncFolderOf } from './sync-folder.ts'

const SLICE_BYTES = 1 << 20

/** Writes a new file in the place of any other; returns the SHA-256 of its bytes in hex once they are on disk. */
export async function writeSumFile(path: string, lanes: Lanes): Promise<string> {
  const bytes = bytesOf(lanes)
  const hash = createHash('sha256')
  const file = await open(path, 'w', 0o600)
  try {
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
      const slice = bytes.subarray(at, at + SLICE_BYTES)
      hash.update(slice)
      let written = 0
      while (written < slice.length) {
        written += (await file.write(slice, written, slice.length - written, at + written)).bytesWritten
      }
    }
    await file.sync()
  } finally {
    await file.close()
  }
  await syncFolderOf(path)
  return hash.digest('hex')
}

/** Fills the lanes. Throws InvariantError when the file has other bytes than those written. */
export async function readSumFile(path: string, lanes: Lanes, digest: string): Promise<void> {
  const bytes = bytesOf(lanes)
  const hash = createHash('sha256')
  const file = await open(path, 'r')
  try {
    let at = 0
    while (at < bytes.length) {
      const { bytesRead } = await file.read(bytes, at, Math.min(SLICE_BYTES, bytes.length - at), at)
      if (bytesRead === 0) break
      hash.update(bytes.subarray(at, at + bytesRead))
      at += bytesRead
    }
    const { size } = await file.stat()
    const isSame = size === bytes.length && hash.digest('hex') === digest
    invariant(isSame, `the sum in ${path} has other bytes than those written`)
  } finally {
    await file.close()
  }
}

function bytesOf(lanes: Lanes): Uint8Array {
  return new Uint8Array(lanes.buffer, lanes.byteOffset, lanes.byteLength)
}
