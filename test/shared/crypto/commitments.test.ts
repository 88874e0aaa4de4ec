import { describe, expect, test } from 'vitest'
import { selfSeedCommitment, shareCommitment } from '../../../shared/crypto/commitments.ts'
import { encodeHex } from '../../../shared/crypto/digest.ts'
import { ascending } from '../../vectors/hex.ts'
import { commitments, session } from '../../vectors/session-keys.ts'

const { contextDigest, rosterDigest, share } = session
const base = { contextDigest, rosterDigest, owner: 3, holder: 260, kind: 'mask-key', share } as const

describe('commitments', () => {
  test('to shares of either kind', () => {
    expect(encodeHex(shareCommitment(base))).toBe(commitments.maskKeyShare)
    expect(encodeHex(shareCommitment({ ...base, kind: 'self-mask-seed' }))).toBe(commitments.selfMaskSeedShare)
  })

  test('to a self mask seed', () => {
    const seed = session.selfMaskSeed
    const commitment = selfSeedCommitment({ contextDigest, rosterDigest, owner: 3, seed })
    expect(encodeHex(commitment)).toBe(commitments.selfMaskSeed)
  })

  test('every field is bound', () => {
    const variants = [
      base,
      { ...base, contextDigest: ascending(1, 32) },
      { ...base, rosterDigest: ascending(1, 32) },
      { ...base, owner: 260 },
      { ...base, holder: 3 },
      { ...base, kind: 'self-mask-seed' as const },
      { ...base, share: ascending(65, 32) },
    ]
    expect(new Set(variants.map((variant) => encodeHex(shareCommitment(variant)))).size).toBe(variants.length)
  })
})
