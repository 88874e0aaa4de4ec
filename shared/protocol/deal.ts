/**
 * A deal: what one owner hands out in stage 1. Per neighbour one ciphertext of both shares, and one signature over a
 * Merkle root of what every holder gets, so that a holder can later prove which share it was dealt, and be blamed for another.
 */
import { equalBytes, sha256 } from '../crypto/digest.ts'
import { merkleRoot, merkleTree, verifyMerklePath } from '../crypto/merkle.ts'
import { verify } from '../crypto/signatures.ts'
import { placeOf } from './ascending.ts'
import { encodeTuple } from './tuple.ts'

/** What stands at one holder's place in the deal. The owner's own leaf has an empty ciphertext. */
export interface DealLeaf {
  readonly holder: number
  /** SHA-256 of the ciphertext. */
  readonly ciphertextDigest: Uint8Array
  readonly selfShareCommitment: Uint8Array
  readonly maskKeyShareCommitment: Uint8Array
}

/** Owner → coordinator in stage 1. `leaves` covers H(owner) in index order; `ciphertexts` its neighbours, in index order. */
export interface Deal {
  readonly owner: number
  readonly selfSeedCommitment: Uint8Array
  readonly leaves: readonly DealLeaf[]
  readonly ciphertexts: readonly { readonly holder: number; readonly ciphertext: Uint8Array }[]
  /** By v over {@link dealStatement}. */
  readonly signature: Uint8Array
}

/** One owner's deal as one holder gets it in stage 2. */
export interface DealForHolder {
  readonly owner: number
  readonly ciphertext: Uint8Array
  readonly leaf: DealLeaf
  readonly path: readonly Uint8Array[]
  readonly root: Uint8Array
  readonly selfSeedCommitment: Uint8Array
  readonly signature: Uint8Array
}

/** Digests every tuple of a session is bound to. */
export interface SessionDigests {
  readonly contextDigest: Uint8Array
  readonly rosterDigest: Uint8Array
}

/** The tuple an owner signs once per session. */
export function dealStatement(
  digests: SessionDigests,
  owner: number,
  selfSeedCommitment: Uint8Array,
  root: Uint8Array,
) {
  return encodeTuple('blindsum/v1/deal', digests.contextDigest, digests.rosterDigest, owner, selfSeedCommitment, root)
}

/** The Merkle leaf of one holder. */
export function encodeDealLeaf(leaf: DealLeaf): Uint8Array {
  return encodeTuple(
    'blindsum/v1/deal-leaf',
    leaf.holder,
    leaf.ciphertextDigest,
    leaf.selfShareCommitment,
    leaf.maskKeyShareCommitment,
  )
}

/** Root over all leaves. */
export function dealRoot(leaves: readonly DealLeaf[]): Uint8Array {
  return merkleRoot(leaves.map(encodeDealLeaf))
}

/** True when the owner's signature covers exactly these leaves. */
export function dealVerifies(digests: SessionDigests, deal: Deal, signingKey: Uint8Array): boolean {
  const statement = dealStatement(digests, deal.owner, deal.selfSeedCommitment, dealRoot(deal.leaves))
  return verify(signingKey, statement, deal.signature)
}

/** The leaf of a holder in a verified deal, whose leaves are in index order; null for somebody else. */
export function leafOf(deal: Deal, holder: number): DealLeaf | null {
  return deal.leaves[placeOf(deal.leaves, holder, holderOf)] ?? null
}

/** Cuts one holder's part out of a verified deal; null unless the holder is a neighbour of the owner. */
export function dealFor(deal: Deal, holder: number): DealForHolder | null {
  const place = placeOf(deal.leaves, holder, holderOf)
  const leaf = deal.leaves[place]
  const sealed = deal.ciphertexts[placeOf(deal.ciphertexts, holder, holderOf)]
  if (leaf === undefined || sealed === undefined) return null
  const tree = treeOf(deal)
  return {
    owner: deal.owner,
    ciphertext: sealed.ciphertext,
    leaf,
    path: tree.paths[place] ?? [],
    root: tree.root,
    selfSeedCommitment: deal.selfSeedCommitment,
    signature: deal.signature,
  }
}

const holderOf = ({ holder }: { readonly holder: number }) => holder

/** Root and all paths are made once per deal: every holder asks for its own. */
const trees = new WeakMap<Deal, { readonly root: Uint8Array; readonly paths: readonly Uint8Array[][] }>()

function treeOf(deal: Deal) {
  const known = trees.get(deal)
  if (known !== undefined) return known
  const tree = merkleTree(deal.leaves.map(encodeDealLeaf))
  trees.set(deal, tree)
  return tree
}

/**
 * True when the leaf is this holder's, names this ciphertext, and stands at the holder's `place` (0-based) among
 * `leafCount` holders under a root that the owner signed.
 */
export function dealForHolderVerifies(
  digests: SessionDigests,
  part: DealForHolder,
  expected: {
    readonly holder: number
    readonly place: number
    readonly leafCount: number
    readonly signingKey: Uint8Array
  },
): boolean {
  if (part.leaf.holder !== expected.holder) return false
  if (!equalBytes(sha256(part.ciphertext), part.leaf.ciphertextDigest)) return false
  const leaf = encodeDealLeaf(part.leaf)
  const inTree = { leaf, index: expected.place, size: expected.leafCount, path: part.path, root: part.root }
  if (!verifyMerklePath(inTree)) return false
  return verify(
    expected.signingKey,
    dealStatement(digests, part.owner, part.selfSeedCommitment, part.root),
    part.signature,
  )
}
