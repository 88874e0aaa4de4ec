/**
 * The Merkle tree of RFC 6962 section 2.1 over SHA-256: root, audit paths and their check. Leaves are the raw entries,
 * hashed here behind 0x00; inner nodes behind 0x01, so that neither can be taken for the other.
 */
import { invariant } from '../errors.ts'
import { equalBytes, sha256 } from './digest.ts'

const LEAF_PREFIX = 0
const NODE_PREFIX = 1
const HASH_BYTES = 32

/** SHA-256(0x00 ‖ entry). */
export function leafHash(entry: Uint8Array): Uint8Array {
  const prefixed = new Uint8Array(1 + entry.length)
  prefixed[0] = LEAF_PREFIX
  prefixed.set(entry, 1)
  return sha256(prefixed)
}

/** SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const prefixed = new Uint8Array(1 + left.length + right.length)
  prefixed[0] = NODE_PREFIX
  prefixed.set(left, 1)
  prefixed.set(right, 1 + left.length)
  return sha256(prefixed)
}

/** The root over the entries in order; of none, SHA-256 of nothing. */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  return subtree(leaves.map(leafHash), 0, leaves.length, () => {})
}

/** The audit path of one entry: the siblings from the leaf upwards. Throws InvariantError for an index out of range. */
export function merklePath(leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  invariant(Number.isInteger(index) && index >= 0 && index < leaves.length, `no leaf ${index} among ${leaves.length}`)
  const path: Uint8Array[] = []
  subtree(leaves.map(leafHash), 0, leaves.length, (first, last, sibling) => {
    if (index >= first && index < last) path.push(sibling)
  })
  return path
}

/** Every entry's audit path; place i holds the path of entry i. */
export function merklePaths(leaves: readonly Uint8Array[]): Uint8Array[][] {
  return merkleTree(leaves).paths
}

/** The root and all {@link merklePaths}, for little more than the price of the root. */
export function merkleTree(leaves: readonly Uint8Array[]): {
  readonly root: Uint8Array
  readonly paths: Uint8Array[][]
} {
  const paths = leaves.map((): Uint8Array[] => [])
  const root = subtree(leaves.map(leafHash), 0, leaves.length, (first, last, sibling) => {
    for (let place = first; place < last; place += 1) paths[place]?.push(sibling)
  })
  return { root, paths }
}

/**
 * True when `leaf` (raw entry) stands at `index` of a tree of `size` entries with this root. Everything may come from a
 * peer: numbers out of range and malformed paths are simply false. Source: RFC 9162 section 2.1.3.2.
 */
export function verifyMerklePath(claim: {
  readonly leaf: Uint8Array
  readonly index: number
  readonly size: number
  readonly path: readonly Uint8Array[]
  readonly root: Uint8Array
}): boolean {
  const { leaf, index, size, path, root } = claim
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false
  let place = index
  let lastPlace = size - 1
  let hash = leafHash(leaf)
  for (const sibling of path) {
    if (lastPlace === 0 || sibling.length !== HASH_BYTES) return false
    if (place % 2 === 1 || place === lastPlace) {
      hash = nodeHash(sibling, hash)
      // A last node without a right sibling rises unchanged until it is a right child.
      while (place % 2 === 0 && place !== 0) {
        place /= 2
        lastPlace = Math.floor(lastPlace / 2)
      }
    } else {
      hash = nodeHash(hash, sibling)
    }
    place = Math.floor(place / 2)
    lastPlace = Math.floor(lastPlace / 2)
  }
  return lastPlace === 0 && equalBytes(hash, root)
}

/** Hash of the subtree over [first, end); tells `visit` each half's range with the sibling it hangs beside, lowest first. */
function subtree(
  hashes: readonly Uint8Array[],
  first: number,
  end: number,
  visit: (first: number, end: number, sibling: Uint8Array) => void,
): Uint8Array {
  if (end === first) return sha256()
  if (end - first === 1) return hashes[first] ?? sha256()
  const middle = first + largestPowerOfTwoBelow(end - first)
  const left = subtree(hashes, first, middle, visit)
  const right = subtree(hashes, middle, end, visit)
  visit(first, middle, right)
  visit(middle, end, left)
  return nodeHash(left, right)
}

function largestPowerOfTwoBelow(count: number): number {
  let power = 1
  while (power * 2 < count) power *= 2
  return power
}
