/**
 * An exported folder on disk, for the verifier. Only regular files count: a symbolic link or device is as good as
 * missing. What is read into memory has a limit; the model is hashed in pieces.
 */
import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../../shared/errors.ts'
import type { ExportFolder } from '../../shared/provenance/verify/export-folder.ts'
import { fileErrorWords } from '../file-error-words.ts'

/** Enough for a session record of 65,535 sites. */
const MAX_FILE_BYTES = 512 * 1024 * 1024
const MAX_PATHS = 300_000
const PIECE_BYTES = 1024 * 1024

/** Opens `folder` for verification. Throws ConfigError `bad_export_folder` when it is no folder that can be listed. */
export function openExportFolder(folder: string): ExportFolder {
  return {
    paths: listFiles(folder),
    read: (path) =>
      withFile(join(folder, path), (handle, bytes) => (bytes > MAX_FILE_BYTES ? null : readWhole(handle))),
    measure: (path) => withFile(join(folder, path), measureFile),
  }
}

/** Every entry below that is not a folder, symbolic links and devices included: a stranger is a stranger. */
function listFiles(root: string): string[] {
  const found: string[] = []
  const pending = ['']
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const entry of entriesOf(root, folder)) {
      const path = `${folder}${entry.name}`
      if (entry.isDirectory()) pending.push(`${path}/`)
      else found.push(path)
      if (found.length + pending.length > MAX_PATHS) {
        throw new ConfigError('bad_export_folder', `${root} holds more than ${MAX_PATHS} files; no export does`)
      }
    }
  }
  return found
}

function entriesOf(root: string, folder: string) {
  try {
    return readdirSync(join(root, folder), { withFileTypes: true })
  } catch (cause) {
    throw new ConfigError('bad_export_folder', `${join(root, folder)} cannot be listed: ${fileErrorWords(cause)}`, {
      cause,
    })
  }
}

/** Runs `work` on an open regular file; null when there is none, or it fails to read. */
function withFile<T>(path: string, work: (handle: number, bytes: number) => T | null): T | null {
  let handle: number
  try {
    // Without waiting: opening a named pipe would otherwise hang.
    handle = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return null
  }
  try {
    const status = fstatSync(handle)
    return status.isFile() ? work(handle, status.size) : null
  } catch {
    return null
  } finally {
    closeSync(handle)
  }
}

function readWhole(handle: number): Uint8Array {
  const pieces: Buffer[] = []
  eachPiece(handle, (piece) => pieces.push(Buffer.from(piece)))
  return new Uint8Array(Buffer.concat(pieces))
}

function measureFile(handle: number) {
  const hash = createHash('sha256')
  let bytes = 0
  eachPiece(handle, (piece) => {
    hash.update(piece)
    bytes += piece.length
  })
  return { sha256: hash.digest('hex'), bytes }
}

function eachPiece(handle: number, take: (piece: Uint8Array) => void): void {
  const piece = Buffer.alloc(PIECE_BYTES)
  for (let read = readSync(handle, piece); read > 0; read = readSync(handle, piece)) take(piece.subarray(0, read))
}
