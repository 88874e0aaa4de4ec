/**
 * The exported folder as the verifier sees it: a port, so that the verifier itself touches no file system. Everything
 * read through it is hostile until a link vouches for it.
 */
import { sha256Hex } from '../../crypto/digest.ts'

export interface ExportFolder {
  /** Every file in the folder and below, `/`-separated, relative. */
  readonly paths: readonly string[]
  /** The file's bytes; null when it is missing, unreadable or above the reader's limit. */
  readonly read: (path: string) => Uint8Array | null
  /** Digest and size without holding the file in memory; null when it is missing or unreadable. */
  readonly measure: (path: string) => { readonly sha256: string; readonly bytes: number } | null
}

/** A folder in memory. */
export function folderOfFiles(files: ReadonlyMap<string, Uint8Array>): ExportFolder {
  return {
    paths: [...files.keys()],
    read: (path) => files.get(path) ?? null,
    measure: (path) => {
      const bytes = files.get(path)
      return bytes === undefined ? null : { sha256: sha256Hex(bytes), bytes: bytes.length }
    },
  }
}
