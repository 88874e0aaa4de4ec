/**
 * Stage 1, share keys: checks the whole roster against plan, policy and its own trust bundle, records it, and deals shares
 * of its self mask seed and mask key to every holder. Nothing is dealt under a roster that fails any check, and nothing is
 * ever dealt under two.
 */
import { selfSeedCommitment, shareCommitment } from '../../shared/crypto/commitments.ts'
import { shareKeysBothWays } from '../../shared/crypto/derivation.ts'
import { sha256 } from '../../shared/crypto/digest.ts'
import { importSecretKey } from '../../shared/crypto/key-agreement.ts'
import { wipe } from '../../shared/crypto/secrets.ts'
import { splitSecret } from '../../shared/crypto/shamir.ts'
import { sign } from '../../shared/crypto/signatures.ts'
import { invariant } from '../../shared/errors.ts'
import { type Deal, type DealLeaf, dealRoot, dealStatement, type SessionDigests } from '../../shared/protocol/deal.ts'
import type { Instruction } from '../../shared/protocol/messages.ts'
import { holdersOf, type NeighbourGraph } from '../../shared/protocol/neighbour-graph.ts'
import { sealSharePair } from '../../shared/protocol/sealed-shares.ts'
import type { SharingParameters } from '../../shared/protocol/threshold.ts'
import type { Rng } from '../../shared/random.ts'
import { checkRoster } from './roster-checks.ts'
import type { AfterAdvertiseKeys, ParticipantEnvironment, Stepped } from './session-state.ts'

/** Accepts the roster and deals. */
export function shareKeys(
  session: AfterAdvertiseKeys,
  roster: Extract<Instruction, { kind: 'share-keys' }>,
  environment: ParticipantEnvironment,
): Stepped {
  const checked = checkRoster(session, roster, environment)
  const { digests, parameters, graph, neighbours } = checked
  const { sessionId } = session.setup.context
  const { rng } = environment
  const selfSeed = rng(32)
  const dealt = makeDeal({ session, ownIndex: roster.ownIndex, selfSeed, ...checked, rng })
  return {
    session: {
      ...session,
      stage: 'shared',
      ownIndex: roster.ownIndex,
      lines: roster.lines,
      neighbours,
      digests,
      parameters,
      graph,
      selfSeed,
      ...dealt,
    },
    effects: [
      { kind: 'record', fact: { kind: 'roster-accepted', sessionId, rosterDigest: digests.rosterDigest } },
      { kind: 'send', message: { kind: 'share-keys', deal: dealt.deal } },
    ],
  }
}

interface DealInputs {
  readonly session: Pick<AfterAdvertiseKeys, 'secrets'>
  readonly ownIndex: number
  readonly selfSeed: Uint8Array
  readonly digests: SessionDigests
  readonly parameters: SharingParameters
  readonly graph: NeighbourGraph
  readonly neighbours: ReadonlyMap<number, { readonly channelKey: Uint8Array }>
  readonly rng: Rng
}

interface Dealt {
  readonly deal: Deal
  readonly ownSelfShare: Uint8Array
  readonly incomingKeys: ReadonlyMap<number, Uint8Array>
}

/** t-of-h shares of both secrets, sealed to each neighbour, committed to, and signed once. Its own shares stay here. */
export function makeDeal(inputs: DealInputs): Dealt {
  const { session, ownIndex: owner, selfSeed, digests, parameters, neighbours, rng } = inputs
  const { secrets } = session
  const holders = holdersOf(inputs.graph, owner)
  const { threshold } = parameters
  const selfShares = splitSecret({ secret: selfSeed, threshold, holders, rng })
  const maskKeyShares = splitSecret({ secret: secrets.mask.secretKey, threshold, holders, rng })
  const leaves: DealLeaf[] = []
  const ciphertexts: { holder: number; ciphertext: Uint8Array }[] = []
  const incomingKeys = new Map<number, Uint8Array>()
  const ownSecret = importSecretKey(secrets.channel.secretKey)
  for (const holder of holders) {
    const selfSeedShare = selfShares.get(holder)
    const maskKeyShare = maskKeyShares.get(holder)
    invariant(selfSeedShare !== undefined && maskKeyShare !== undefined, 'a share for every holder')
    const neighbour = neighbours.get(holder)
    let ciphertext: Uint8Array = new Uint8Array(0)
    if (neighbour !== undefined) {
      const peerPublic = neighbour.channelKey
      const { outgoing: key, incoming } = shareKeysBothWays({
        ownSecret,
        peerPublic,
        ...digests,
        own: owner,
        peer: holder,
      })
      ciphertext = sealSharePair({ digests, key, from: owner, to: holder }, { selfSeedShare, maskKeyShare }, rng(24))
      ciphertexts.push({ holder, ciphertext })
      incomingKeys.set(holder, incoming)
      wipe(key)
    }
    leaves.push({
      holder,
      ciphertextDigest: sha256(ciphertext),
      selfShareCommitment: shareCommitment({ ...digests, owner, holder, kind: 'self-mask-seed', share: selfSeedShare }),
      maskKeyShareCommitment: shareCommitment({ ...digests, owner, holder, kind: 'mask-key', share: maskKeyShare }),
    })
  }
  const ownSelfShare = selfShares.get(owner)
  invariant(ownSelfShare !== undefined, 'everybody holds a share of its own seed')
  for (const [holder, share] of selfShares) if (holder !== owner) wipe(share)
  for (const share of maskKeyShares.values()) wipe(share)
  const commitment = selfSeedCommitment({ ...digests, owner, seed: selfSeed })
  const signature = sign(secrets.signing, dealStatement(digests, owner, commitment, dealRoot(leaves)))
  const deal = { owner, selfSeedCommitment: commitment, leaves, ciphertexts, signature }
  return { deal, ownSelfShare, incomingKeys }
}
