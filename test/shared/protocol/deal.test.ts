/**
 * One holder's part of a deal, by an owner who signs whatever it likes: each way in which the part is not this holder's own
 * is noticed by itself, and so is a sealed pair that is not a pair.
 */
import { expect, test } from 'vitest'
import { sha256 } from '../../../shared/crypto/digest.ts'
import { sealShares } from '../../../shared/crypto/share-cipher.ts'
import { generateSigningKey, sign } from '../../../shared/crypto/signatures.ts'
import {
  type Deal,
  type DealForHolder,
  type DealLeaf,
  dealFor,
  dealForHolderVerifies,
  dealRoot,
  dealStatement,
} from '../../../shared/protocol/deal.ts'
import { openSharePair, SEALED_SHARES_BYTES, sealSharePair } from '../../../shared/protocol/sealed-shares.ts'
import { encodeTuple } from '../../../shared/protocol/tuple.ts'

const digests = { contextDigest: new Uint8Array(32).fill(1), rosterDigest: new Uint8Array(32).fill(2) }
const owner = generateSigningKey()
const OWNER = 2
const HOLDERS = [1, 2, 3, 5]

/** A deal of index 2 with true ciphertexts, over leaves that may be changed before they are signed. */
function dealWith(change: (leaf: DealLeaf) => DealLeaf = (leaf) => leaf): Deal {
  const ciphertexts = HOLDERS.filter((holder) => holder !== OWNER).map((holder) => ({
    holder,
    ciphertext: new Uint8Array(SEALED_SHARES_BYTES).fill(holder),
  }))
  const leaves = HOLDERS.map((holder) =>
    change({
      holder,
      ciphertextDigest: sha256(ciphertexts.find((one) => one.holder === holder)?.ciphertext ?? new Uint8Array(0)),
      selfShareCommitment: new Uint8Array(32).fill(3),
      maskKeyShareCommitment: new Uint8Array(32).fill(4),
    }),
  )
  const selfSeedCommitment = new Uint8Array(32).fill(5)
  const signature = sign(owner, dealStatement(digests, OWNER, selfSeedCommitment, dealRoot(leaves)))
  return { owner: OWNER, selfSeedCommitment, leaves, ciphertexts, signature }
}

const partOf = (deal: Deal, holder: number): DealForHolder => {
  const part = dealFor(deal, holder)
  if (part === null) throw new Error(`nothing for ${holder}`)
  return part
}
const verifies = (part: DealForHolder, signingKey = owner.publicKey) =>
  dealForHolderVerifies(digests, part, { holder: 3, place: 2, leafCount: HOLDERS.length, signingKey })

test("a holder's own part verifies", () => {
  expect(verifies(partOf(dealWith(), 3))).toBe(true)
})

test('there is a part for neighbours only: not for the owner, not for a stranger', () => {
  expect(dealFor(dealWith(), OWNER)).toBeNull()
  expect(dealFor(dealWith(), 4)).toBeNull()
})

test("a leaf at the holder's place that names another is refused, though it is signed", () => {
  const deal = dealWith((leaf) => (leaf.holder === 3 ? { ...leaf, holder: 4 } : leaf))
  const leaf = deal.leaves[2] as DealLeaf
  const ciphertext = deal.ciphertexts[1]?.ciphertext ?? new Uint8Array(0)
  const honest = partOf(dealWith(), 3)
  const path = partOf({ ...deal, ciphertexts: [{ holder: 4, ciphertext }] }, 4).path
  const part = { ...honest, leaf, ciphertext, path, root: dealRoot(deal.leaves), signature: deal.signature }
  const asFour = { holder: 4, place: 2, leafCount: HOLDERS.length, signingKey: owner.publicKey }
  expect(dealForHolderVerifies(digests, part, asFour)).toBe(true)
  expect(verifies(part)).toBe(false)
})

test('each thing that is not what was signed is refused', () => {
  const honest = partOf(dealWith(), 3)
  const other = partOf(dealWith(), 5)
  expect(verifies({ ...honest, ciphertext: other.ciphertext })).toBe(false)
  expect(verifies({ ...honest, path: other.path })).toBe(false)
  expect(verifies({ ...honest, path: [] })).toBe(false)
  expect(verifies({ ...honest, leaf: { ...honest.leaf, selfShareCommitment: new Uint8Array(32) } })).toBe(false)
  expect(verifies({ ...honest, selfSeedCommitment: new Uint8Array(32) })).toBe(false)
  expect(verifies(honest, generateSigningKey().publicKey)).toBe(false)
})

test('a sealed pair opens for its direction only, and only when it is a pair', () => {
  const key = new Uint8Array(32).fill(6)
  const nonce = new Uint8Array(24).fill(7)
  const direction = { digests, key, from: 2, to: 3 }
  const shares = { selfSeedShare: new Uint8Array(32).fill(8), maskKeyShare: new Uint8Array(32).fill(9) }
  const sealed = sealSharePair(direction, shares, nonce)
  expect(openSharePair(direction, sealed)).toEqual(shares)
  expect(openSharePair({ ...direction, to: 5 }, sealed)).toBeNull()
  expect(openSharePair(direction, new Uint8Array(SEALED_SHARES_BYTES))).toBeNull()
  expect(openSharePair(direction, new Uint8Array(0))).toBeNull()
  const associatedData = encodeTuple(
    'blindsum/v1/share-ciphertext',
    digests.contextDigest,
    digests.rosterDigest,
    direction.from,
    direction.to,
  )
  for (const bytes of [32, 63, 65]) {
    const odd = sealShares({ key, nonce, plaintext: new Uint8Array(bytes), associatedData })
    expect(openSharePair(direction, odd)).toBeNull()
  }
})
