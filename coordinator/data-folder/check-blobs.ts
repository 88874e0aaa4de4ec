/** Every blob that a row names is there with the bytes of its name; blobs that no row names are listed, and lose nothing. */
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type FolderFinding, finding, noted } from './finding.ts'
import { hashFile } from './hash-file.ts'
import { BLOBS_FOLDER, blobPath, INCOMPLETE_FOLDER, isDigest } from './layout.ts'
import type { StoredRows } from './stored-rows.ts'

/** What rows name, and which version is the first to do so, in words. */
export function namedBlobs(stored: StoredRows): ReadonlyMap<string, string> {
  const named = new Map<string, string>()
  for (const row of stored.rows('version', 'ORDER BY run_id, version')) {
    for (const [what, digest] of [
      ['model', row.model_digest],
      ['provenance', row.provenance_digest],
      ['session record', row.session_record_digest],
    ] as const) {
      if (typeof digest === 'string' && !named.has(digest)) {
        named.set(digest, `${what} of version ${row.version} of run ${row.run_id}`)
      }
    }
  }
  return named
}

export async function checkBlobs(dataFolder: string, named: ReadonlyMap<string, string>): Promise<FolderFinding> {
  const problems: string[] = []
  let bytes = 0
  for (const [digest, what] of named) {
    const found = isDigest(digest) ? await hashFile(join(dataFolder, BLOBS_FOLDER, blobPath(digest))) : null
    bytes += found?.bytes ?? 0
    if (found === null) problems.push(`${what} is missing: blob ${digest}`)
    else if (found.sha256 !== digest) problems.push(`${what} has other bytes than those stored: blob ${digest}`)
  }
  return finding('blobs', `${named.size} blobs, ${bytes} bytes, each with the bytes of its name`, problems)
}

/** Files in the blob folder that are there for nobody. The coordinator deletes them when it starts. */
export async function unnamedBlobs(dataFolder: string, named: ReadonlyMap<string, string>): Promise<FolderFinding> {
  const folder = join(dataFolder, BLOBS_FOLDER)
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const unnamed = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => ({ name: entry.name, parent: basename(entry.parentPath) }))
    .filter(({ name, parent }) => parent === INCOMPLETE_FOLDER || !named.has(name) || parent !== name.slice(0, 2))
    .map(({ name, parent }) => `${BLOBS_FOLDER}/${parent}/${name}`)
  return noted('blobs unnamed', `${unnamed.length} files in ${BLOBS_FOLDER}/ that no version names`, unnamed)
}
