import { describe, expect, test } from 'vitest'
import { selfSeedCommitment, shareCommitment } from '../../../shared/crypto/commitments.ts'
import { encodeHex, sha256 } from '../../../shared/crypto/digest.ts'
import { ascending } from '../../vectors/hex.ts'

const digests = { contextDigest: ascending(0, 32), rosterDigest: ascending(32, 32) }
const share = ascending(64, 32)

/** u32 length and bytes of each field, as protocol.md writes a tuple, spelled out by hand. */
function tupleBytes(label: string, fields: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0, label.length), Buffer.from(label)]
  for (const field of fields) parts.push(Uint8Array.of(0, 0, 0, field.length), field)
  return new Uint8Array(Buffer.concat(parts))
}

const u64 = (value: number) => Uint8Array.of(0, 0, 0, 0, 0, 0, value >> 8, value & 0xff)

describe('commitments', () => {
  test('a share commitment is the digest of its tuple, the kind as its text', () => {
    const commitment = shareCommitment({ ...digests, owner: 3, holder: 260, kind: 'mask-key', share })
    const fields = [digests.contextDigest, digests.rosterDigest, u64(3), u64(260), Buffer.from('mask-key'), share]
    expect(commitment).toEqual(sha256(tupleBytes('blindsum/v1/share-commitment', fields)))
  })

  test('a self seed commitment is the digest of its tuple', () => {
    const commitment = selfSeedCommitment({ ...digests, owner: 3, seed: share })
    const fields = [digests.contextDigest, digests.rosterDigest, u64(3), share]
    expect(commitment).toEqual(sha256(tupleBytes('blindsum/v1/self-seed-commitment', fields)))
  })

  test('every field is bound', () => {
    const base = { ...digests, owner: 1, holder: 2, kind: 'mask-key', share } as const
    const variants = [
      base,
      { ...base, contextDigest: ascending(1, 32) },
      { ...base, rosterDigest: ascending(1, 32) },
      { ...base, owner: 2 },
      { ...base, holder: 1 },
      { ...base, kind: 'self-mask-seed' as const },
      { ...base, share: ascending(65, 32) },
    ]
    expect(new Set(variants.map((variant) => encodeHex(shareCommitment(variant)))).size).toBe(variants.length)
  })
})
