/**
 * Commitments of a deal: SHA-256 of tuples, so that a holder can prove which share it was dealt and the coordinator can
 * tell a bad holder from a bad dealer. Shares and seeds are 32 uniform bytes, so the hash hides them.
 */
import { encodeTuple, type TupleField } from '../protocol/tuple.ts'
import { sha256 } from './digest.ts'
import { wipe } from './secrets.ts'

/** Which secret a share belongs to: b_u or s_sk,u. The string itself is the tuple's field, as UTF-8. */
export type ShareKind = 'self-mask-seed' | 'mask-key'

/** SHA-256 of ("blindsum/v1/share-commitment", contextDigest, rosterDigest, owner, holder, kind, share). */
export function shareCommitment(input: {
  readonly contextDigest: Uint8Array
  readonly rosterDigest: Uint8Array
  readonly owner: number
  readonly holder: number
  readonly kind: ShareKind
  readonly share: Uint8Array
}): Uint8Array {
  const { contextDigest, rosterDigest, owner, holder, kind, share } = input
  return digestSecretTuple('blindsum/v1/share-commitment', contextDigest, rosterDigest, owner, holder, kind, share)
}

/** SHA-256 of ("blindsum/v1/self-seed-commitment", contextDigest, rosterDigest, owner, b_u). */
export function selfSeedCommitment(input: {
  readonly contextDigest: Uint8Array
  readonly rosterDigest: Uint8Array
  readonly owner: number
  readonly seed: Uint8Array
}): Uint8Array {
  const { contextDigest, rosterDigest, owner, seed } = input
  return digestSecretTuple('blindsum/v1/self-seed-commitment', contextDigest, rosterDigest, owner, seed)
}

/** SHA-256 of the encoded tuple, which is overwritten: it holds the secret. */
function digestSecretTuple(label: string, ...fields: readonly TupleField[]): Uint8Array {
  const encoded = encodeTuple(label, ...fields)
  const digest = sha256(encoded)
  wipe(encoded)
  return digest
}
