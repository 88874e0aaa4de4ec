/**
 * What one neighbour's ciphertext holds: the share of b, then the share of s_sk, 32 bytes each, sealed to the neighbour with
 * both digests and both indices as associated data, so that a ciphertext opens in one session, for one pair, in one direction.
 */
import { secretBytes, wipe } from '../crypto/secrets.ts'
import { openShares, sealShares } from '../crypto/share-cipher.ts'
import type { SessionDigests } from './deal.ts'
import { encodeTuple } from './tuple.ts'

/** Nonce 24, plaintext 64, tag 16. */
export const SEALED_SHARES_BYTES = 104

export interface SharePair {
  readonly selfSeedShare: Uint8Array
  readonly maskKeyShare: Uint8Array
}

interface Direction {
  readonly digests: SessionDigests
  readonly key: Uint8Array
  readonly from: number
  readonly to: number
}

/** Seals both shares under K_{from→to}; the nonce is 24 fresh random bytes, the key is used once. */
export function sealSharePair(direction: Direction, shares: SharePair, nonce: Uint8Array): Uint8Array {
  const plaintext = secretBytes(64)
  plaintext.set(shares.selfSeedShare, 0)
  plaintext.set(shares.maskKeyShare, 32)
  try {
    return sealShares({ key: direction.key, nonce, plaintext, associatedData: associatedData(direction) })
  } finally {
    wipe(plaintext)
  }
}

/** Opens a pair, or `null` when the ciphertext is not one sealed for this direction of this session. */
export function openSharePair(direction: Direction, ciphertext: Uint8Array): SharePair | null {
  if (ciphertext.length !== SEALED_SHARES_BYTES) return null
  const plaintext = openShares({ key: direction.key, ciphertext, associatedData: associatedData(direction) })
  if (plaintext === null) return null
  const [selfSeedShare, maskKeyShare] = [secretBytes(32), secretBytes(32)]
  selfSeedShare.set(plaintext.subarray(0, 32))
  maskKeyShare.set(plaintext.subarray(32))
  wipe(plaintext)
  return { selfSeedShare, maskKeyShare }
}

function associatedData({ digests, from, to }: Direction): Uint8Array {
  return encodeTuple('blindsum/v1/share-ciphertext', digests.contextDigest, digests.rosterDigest, from, to)
}
