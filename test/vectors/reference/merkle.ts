/** The Merkle tree of RFC 6962 section 2.1 as its recursive definition reads, over entries and hashes in hex. */
import { sha256Of } from './tuples.ts'

/** MTH(D[n]). */
export function treeHash(entries: readonly string[]): string {
  if (entries.length === 0) return sha256Of('')
  if (entries.length === 1) return sha256Of(`00${entries[0]!}`)
  const k = split(entries.length)
  return sha256Of(`01${treeHash(entries.slice(0, k))}${treeHash(entries.slice(k))}`)
}

/** PATH(m, D[n]), section 2.1.1: siblings from the leaf upwards. */
export function auditPath(place: number, entries: readonly string[]): string[] {
  if (entries.length === 1) return []
  const k = split(entries.length)
  const [left, right] = [entries.slice(0, k), entries.slice(k)]
  return place < k ? [...auditPath(place, left), treeHash(right)] : [...auditPath(place - k, right), treeHash(left)]
}

/** The largest power of two below n. */
function split(n: number): number {
  return 2 ** (Math.ceil(Math.log2(n)) - 1)
}
