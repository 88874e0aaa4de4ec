/**
 * Stage 1, share keys. In: one signed deal per roster member. Out: U2, the members whose secrets can be recovered.
 */
import { Map as PersistentMap } from 'immutable'
import { equalBytes, sha256 } from '../../shared/crypto/digest.ts'
import { ascending, isIn, sameNumbers } from '../../shared/protocol/ascending.ts'
import { type Deal, dealVerifies } from '../../shared/protocol/deal.ts'
import { holdersOf, neighboursOf } from '../../shared/protocol/neighbour-graph.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import { SEALED_SHARES_BYTES } from '../../shared/protocol/sealed-shares.ts'
import {
  type Aborted,
  abort,
  type CollectingMaskedInput,
  type Complaint,
  type ContributionReceipt,
  type Roster,
  type SharingKeys,
  stillIn,
} from './session-state.ts'

/** Refuses a deal unless it is that of roster index `from`: every holder a leaf, every neighbour a ciphertext, all signed. */
export function checkDeal(session: SharingKeys, from: number, deal: Deal): void {
  const { roster } = session
  refuseIf(deal.owner !== from, 'identity_mismatch', `a deal of index ${deal.owner} came from index ${from}`)
  const holders = holdersOf(roster.graph, from)
  const neighbours = neighboursOf(roster.graph, from)
  refuseIf(
    !sameNumbers(
      deal.leaves.map((leaf) => leaf.holder),
      holders,
    ),
    'malformed',
    `a deal has one leaf per holder, in index order: ${holders.length} were expected, ${deal.leaves.length} came`,
  )
  refuseIf(
    !sameNumbers(
      deal.ciphertexts.map((sealed) => sealed.holder),
      neighbours,
    ),
    'malformed',
    `a deal has one ciphertext per neighbour, in index order: ${neighbours.length} expected, ${deal.ciphertexts.length} came`,
  )
  const byHolder = new Map(deal.ciphertexts.map((sealed) => [sealed.holder, sealed.ciphertext]))
  for (const leaf of deal.leaves) {
    const ciphertext = byHolder.get(leaf.holder) ?? new Uint8Array(0)
    const expectedBytes = leaf.holder === from ? 0 : SEALED_SHARES_BYTES
    refuseIf(ciphertext.length !== expectedBytes, 'malformed', `the ciphertext for ${leaf.holder} has another length`)
    refuseIf(
      !equalBytes(sha256(ciphertext), leaf.ciphertextDigest),
      'digest_mismatch',
      `the leaf of holder ${leaf.holder} names another ciphertext`,
    )
    refuseIf(
      leaf.selfShareCommitment.length !== 32 || leaf.maskKeyShareCommitment.length !== 32,
      'malformed',
      `the commitments for holder ${leaf.holder} are not digests`,
    )
  }
  refuseIf(deal.selfSeedCommitment.length !== 32, 'malformed', 'the seed commitment is not a digest')
  const signingKey = roster.lines[from - 1]?.signingKey ?? new Uint8Array(0)
  refuseIf(
    !dealVerifies(roster.digests, deal, signingKey),
    'bad_signature',
    `the deal of index ${from} is not signed by it`,
  )
}

/** Takes a checked deal. */
export function takeDeal(session: SharingKeys, deal: Deal): SharingKeys {
  return { ...session, deals: session.deals.set(deal.owner, deal) }
}

/** Fixes U2: who dealt, without those who would be left with too few holders. */
export function close(session: SharingKeys): CollectingMaskedInput | Aborted {
  const { roster } = session
  const { assumptions, minimumCohort } = session.setup.context
  const shared = withEnoughHolders(roster, ascending(session.deals.keys()))
  const needed = Math.max(roster.parameters.quorum, minimumCohort + assumptions.colluders)
  if (shared.length < needed) {
    return abort(session, 'too_few_shared', `${shared.length} can mask, ${needed} are needed`)
  }
  const nothing = {
    complaints: PersistentMap<string, Complaint>(),
    contributions: PersistentMap<number, ContributionReceipt>(),
  }
  return { ...session, stage: 'mask-input', shared, ...nothing, awaited: stillIn(session, shared) }
}

/**
 * The largest part of `shared` in which everybody has t holders. Who has fewer would refuse to mask, and could not be
 * removed from the sum as a dropout either; each that goes takes a holder from others, so it is asked again.
 */
function withEnoughHolders(roster: Roster, shared: readonly number[]): readonly number[] {
  const { graph, parameters } = roster
  const kept = shared.filter((owner) => {
    const holders = holdersOf(graph, owner).filter((holder) => isIn(shared, holder))
    return holders.length >= parameters.threshold
  })
  return kept.length === shared.length ? kept : withEnoughHolders(roster, kept)
}
