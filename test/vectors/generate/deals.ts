/** The deals of a replayed session: every share, commitment, key and ciphertext, and the Merkle tree that is signed. */
import { selfSeedCommitment, shareCommitment } from '../../../shared/crypto/commitments.ts'
import { shareKey } from '../../../shared/crypto/derivation.ts'
import { agree, keyPairFromSecret } from '../../../shared/crypto/key-agreement.ts'
import { merklePaths } from '../../../shared/crypto/merkle.ts'
import { splitSecret } from '../../../shared/crypto/shamir.ts'
import { type Deal, dealRoot, dealStatement, encodeDealLeaf } from '../../../shared/protocol/deal.ts'
import { bytes, hex } from '../hex.ts'
import * as described from '../reference/tuples.ts'
import type { Replay, ReplayedSite } from './replay.ts'
import { shown } from './shown.ts'

export function dealVectors(replay: Replay) {
  return replay.messages.flatMap(({ from, message }) => {
    const dealer = replay.sites[from - 1]
    return message.kind === 'share-keys' && dealer !== undefined ? [oneDeal(replay, dealer, message.deal)] : []
  })
}

function oneDeal({ federation, sites }: Replay, dealer: ReplayedSite, deal: Deal) {
  const { coordinator } = federation
  if (coordinator.stage !== 'completed' || dealer.shared === null || dealer.secrets === null)
    throw new Error('a dealer')
  const { secrets } = dealer
  const { digests, parameters } = coordinator.roster
  const shownDigests = { contextDigest: hex(digests.contextDigest), rosterDigest: hex(digests.rosterDigest) }
  const { owner } = deal
  const holders = deal.leaves.map(({ holder }) => holder)
  // Drawn after the three secret keys: the seed, the coefficients of both polynomials, a nonce for every neighbour.
  const [selfSeed = '', selfCoefficients = '', maskCoefficients = ''] = dealer.draws.slice(3)
  const split = (secret: Uint8Array, coefficients: string) =>
    splitSecret({ secret, threshold: parameters.threshold, holders, rng: () => bytes(coefficients) })
  const selfShares = split(bytes(selfSeed), selfCoefficients)
  const maskShares = split(secrets.mask, maskCoefficients)
  const root = hex(dealRoot(deal.leaves))
  const paths = merklePaths(deal.leaves.map(encodeDealLeaf))
  const commitment = hex(deal.selfSeedCommitment)
  return {
    owner,
    selfSeed,
    selfSeedCoefficients: selfCoefficients,
    maskKeyCoefficients: maskCoefficients,
    selfSeedCommitment: shown(described.seedCommitmentTuple(shownDigests, owner, selfSeed), {
      digest: selfSeedCommitment({ ...digests, owner, seed: bytes(selfSeed) }),
    }),
    holders: deal.leaves.map((leaf, place) => {
      const { holder } = leaf
      const selfSeedShare = selfShares.get(holder) ?? new Uint8Array(0)
      const maskKeyShare = maskShares.get(holder) ?? new Uint8Array(0)
      const committed = (kind: 'self-mask-seed' | 'mask-key', share: Uint8Array) =>
        shown(described.shareCommitmentTuple(shownDigests, { owner, holder, kind, share: hex(share) }), {
          digest: shareCommitment({ ...digests, owner, holder, kind, share }),
        })
      const hexLeaf = {
        holder,
        ciphertextDigest: hex(leaf.ciphertextDigest),
        selfShareCommitment: hex(leaf.selfShareCommitment),
        maskKeyShareCommitment: hex(leaf.maskKeyShareCommitment),
      }
      return {
        holder,
        selfSeedShare: hex(selfSeedShare),
        maskKeyShare: hex(maskKeyShare),
        selfShareCommitment: committed('self-mask-seed', selfSeedShare),
        maskKeyShareCommitment: committed('mask-key', maskKeyShare),
        sealed: sealed(holder),
        leaf: shown(described.dealLeafTuple(hexLeaf), { encoded: encodeDealLeaf(leaf) }),
        path: (paths[place] ?? []).map(hex),
      }
    }),
    root,
    statement: shown(described.dealTuple(shownDigests, { owner, selfSeedCommitment: commitment, root }), {
      encoded: dealStatement(digests, owner, deal.selfSeedCommitment, dealRoot(deal.leaves)),
    }),
    signature: hex(deal.signature),
  }

  /** The owner keeps its own share: nothing is sealed to itself. */
  function sealed(holder: number) {
    const found = deal.ciphertexts.find((one) => one.holder === holder)
    if (found === undefined) return null
    const peer = keyPairFromSecret((sites[holder - 1]?.secrets?.channel ?? new Uint8Array(0)).slice())
    const pair = { ownSecret: secrets.channel, peerPublic: peer.publicKey }
    return {
      agreed: hex(agree(pair.ownSecret, pair.peerPublic)),
      info: shown(described.shareKeyTuple(shownDigests.contextDigest, owner, holder), {}),
      key: hex(shareKey({ ...pair, ...digests, from: owner, to: holder })),
      nonce: hex(found.ciphertext.subarray(0, 24)),
      associatedData: shown(described.shareCiphertextTuple(shownDigests, owner, holder), {}),
      ciphertext: hex(found.ciphertext),
    }
  }
}
