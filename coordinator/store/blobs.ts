/**
 * Content-addressed files: `blobs/ab/abcd…`, named by the SHA-256 of their bytes. A blob is complete and on disk before its
 * name exists (write aside, fsync, rename, fsync the folder), and is hashed again whenever it is read whole.
 */
import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { invariant } from '../../shared/errors.ts'

const CHUNK_BYTES = 1 << 20

export interface BlobStore {
  /** Stores bytes durably and returns their digest; storing the same bytes again changes nothing. */
  put(bytes: Uint8Array): Promise<string>
  /** Same, from pieces, refusing to hold more than one at a time. */
  putStream(pieces: AsyncIterable<Uint8Array>): Promise<{ readonly digest: string; readonly bytes: number }>
  /** The whole blob, verified. @throws InvariantError when the file is absent or its bytes have changed. */
  get(digest: string): Promise<Uint8Array>
  /** The blob in pieces of at most 1 MiB, verified: the last piece comes only when the digest holds. */
  stream(digest: string): AsyncIterable<Uint8Array>
  /** Length in bytes, or `null` when there is no such blob. */
  size(digest: string): Promise<number | null>
  /** Deletes every other blob; returns how many. Only while nobody stores any. */
  deleteExcept(digests: ReadonlySet<string>): Promise<number>
}

/** Opens the blob folder and clears what an interrupted write left aside. */
export async function openBlobs(folder: string): Promise<BlobStore> {
  const aside = join(folder, 'incomplete')
  await rm(aside, { recursive: true, force: true })
  await mkdir(aside, { recursive: true })
  const fileOf = (digest: string) => {
    invariant(/^[0-9a-f]{64}$/.test(digest), 'a blob is named by a SHA-256 in hex')
    return join(folder, digest.slice(0, 2), digest)
  }

  async function putStream(pieces: AsyncIterable<Uint8Array>) {
    const temporary = join(aside, randomUUID())
    const hash = createHash('sha256')
    let bytes = 0
    try {
      const file = await open(temporary, 'wx', 0o600)
      try {
        for await (const piece of pieces) {
          hash.update(piece)
          bytes += piece.length
          await writeAll(file, piece)
        }
        await file.sync()
      } finally {
        await file.close()
      }
      const digest = hash.digest('hex')
      const target = fileOf(digest)
      const parent = join(folder, digest.slice(0, 2))
      await mkdir(parent, { recursive: true })
      await rename(temporary, target)
      // Crash here: the blob is whole but no row names it; storing it again lands on the same name.
      await syncFolder(parent)
      await syncFolder(folder)
      return { digest, bytes }
    } finally {
      await rm(temporary, { force: true })
    }
  }

  async function* stream(digest: string) {
    const file = await open(fileOf(digest), 'r')
    try {
      const hash = createHash('sha256')
      let held: Uint8Array | null = null
      for (;;) {
        const piece = new Uint8Array(CHUNK_BYTES)
        const { bytesRead } = await file.read(piece, 0, CHUNK_BYTES, null)
        if (bytesRead === 0) break
        if (held !== null) yield held
        held = piece.subarray(0, bytesRead)
        hash.update(held)
      }
      invariant(hash.digest('hex') === digest, `blob ${digest} has other bytes than those stored`)
      if (held !== null) yield held
    } finally {
      await file.close()
    }
  }

  return {
    put: async (bytes) => (await putStream(one(bytes))).digest,
    putStream,
    async get(digest) {
      const pieces: Uint8Array[] = []
      for await (const piece of stream(digest)) pieces.push(piece)
      return new Uint8Array(Buffer.concat(pieces))
    },
    stream,
    async deleteExcept(digests) {
      let deleted = 0
      for (const name of await readdir(folder, { recursive: true })) {
        const digest = basename(name)
        if (!/^[0-9a-f]{64}$/.test(digest) || digests.has(digest)) continue
        await rm(join(folder, name), { force: true })
        deleted += 1
      }
      return deleted
    },
    async size(digest) {
      try {
        return (await stat(fileOf(digest))).size
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw error
      }
    },
  }
}

async function* one(bytes: Uint8Array) {
  yield bytes
}

async function writeAll(file: FileHandle, piece: Uint8Array) {
  let written = 0
  while (written < piece.length) {
    const { bytesWritten } = await file.write(piece, written, piece.length - written)
    written += bytesWritten
  }
}

async function syncFolder(folder: string) {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
