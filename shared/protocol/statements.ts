/**
 * The tuples a session signing key (v) signs after stage 1, each at most once per session: the complaint about a dealt
 * ciphertext, the contribution (the receipt in the provenance), and the survivors.
 */
import type { SessionDigests } from './deal.ts'
import { encodeTuple } from './tuple.ts'

/** Stage 2: "what `owner` dealt me does not open, or is off its commitment". */
export function noShareStatement(digests: SessionDigests, owner: number, holder: number, ciphertextDigest: Uint8Array) {
  return encodeTuple(
    'blindsum/v1/no-share',
    digests.contextDigest,
    digests.rosterDigest,
    owner,
    holder,
    ciphertextDigest,
  )
}

/** Stage 2: "the masked input I uploaded has this digest". */
export function contributionStatement(digests: SessionDigests, maskedInputDigest: Uint8Array) {
  return encodeTuple('blindsum/v1/contribution', digests.contextDigest, digests.rosterDigest, maskedInputDigest)
}

/** Stage 3: "these shared keys (U2), these survive (U3)"; both are bitmaps over the roster. */
export function survivorsStatement(digests: SessionDigests, shared: Uint8Array, survivors: Uint8Array) {
  return encodeTuple('blindsum/v1/survivors', digests.contextDigest, digests.rosterDigest, shared, survivors)
}
