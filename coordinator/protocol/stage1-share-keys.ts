/**
 * Stage 1, share keys. In: one signed deal per roster member. Out: U2, the members whose secrets can be recovered.
 */
import { equalBytes, sha256 } from '../../shared/crypto/digest.ts'
import { type Deal, dealVerifies } from '../../shared/protocol/deal.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import { SEALED_SHARES_BYTES } from '../../shared/protocol/sealed-shares.ts'
import { holdersOf, neighboursOf } from '../../shared/protocol/threshold.ts'
import { type Aborted, abort, type CollectingMaskedInput, type SharingKeys } from './session-state.ts'

/** Takes the deal of roster index `from`: every holder a leaf, every neighbour a ciphertext, all under its signature. */
export function receive(session: SharingKeys, from: number, deal: Deal): SharingKeys {
  const { roster } = session
  const size = roster.entries.length
  refuseIf(deal.owner !== from, 'identity_mismatch', `a deal of index ${deal.owner} came from index ${from}`)
  const holders = holdersOf(from, size)
  const neighbours = neighboursOf(from, size)
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
  return { ...session, deals: new Map(session.deals).set(from, deal) }
}

/** Fixes U2. */
export function close(session: SharingKeys): CollectingMaskedInput | Aborted {
  const { assumptions, minimumCohort } = session.setup.context
  const shared = [...session.deals.keys()].sort((a, b) => a - b)
  const needed = Math.max(session.roster.parameters.threshold, minimumCohort + assumptions.colluders)
  if (shared.length < needed) {
    return abort(session, 'too_few_shared', `${shared.length} shared keys, ${needed} are needed`)
  }
  return { ...session, stage: 'mask-input', shared, complaints: [], contributions: new Map() }
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, place) => value === b[place])
}
