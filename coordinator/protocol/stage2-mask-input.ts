/**
 * Stage 2, masked input collection. In: signed complaints about dealt shares, and receipts for masked inputs whose bytes
 * the transport has received and hashed. Out: U3, fixed for good; what arrives afterwards is rejected and not stored.
 */
import { Map as PersistentMap } from 'immutable'
import { equalBytes } from '../../shared/crypto/digest.ts'
import { verify } from '../../shared/crypto/signatures.ts'
import { ascending, isIn } from '../../shared/protocol/ascending.ts'
import { encodeBitmap } from '../../shared/protocol/bitmap.ts'
import { leafOf } from '../../shared/protocol/deal.ts'
import { holdersOf } from '../../shared/protocol/neighbour-graph.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import { contributionStatement, noShareStatement } from '../../shared/protocol/statements.ts'
import {
  type Aborted,
  type AttestingSurvivors,
  abort,
  type CollectingMaskedInput,
  type Complaint,
  type ContributionReceipt,
  pairOf,
  stillIn,
} from './session-state.ts'

/** Refuses a complaint unless its holder signed it, about a ciphertext that was dealt to it. */
export function checkComplaint(session: CollectingMaskedInput, complaint: Complaint): void {
  const { roster, shared } = session
  const { owner, holder } = complaint
  refuseIf(!isIn(shared, holder), 'not_in_shared_set', `index ${holder} is not in U2`)
  const deal = isIn(shared, owner) && owner !== holder ? session.deals.get(owner) : undefined
  const leaf = deal === undefined ? null : leafOf(deal, holder)
  refuseIf(leaf === null, 'malformed', `index ${owner} dealt nothing to index ${holder}`)
  refuseIf(
    !equalBytes(leaf?.ciphertextDigest ?? new Uint8Array(0), complaint.ciphertextDigest),
    'digest_mismatch',
    `the complaint of ${holder} about ${owner} names another ciphertext`,
  )
  const statement = noShareStatement(roster.digests, owner, holder, complaint.ciphertextDigest)
  refuseIf(
    !verify(roster.lines[holder - 1]?.signingKey ?? new Uint8Array(0), statement, complaint.signature),
    'bad_signature',
    `the complaint of index ${holder} is not signed by it`,
  )
}

/** Records a checked complaint; aborts as soon as an owner in U2 has fewer than t holders left. */
export function takeComplaint(session: CollectingMaskedInput, complaint: Complaint): CollectingMaskedInput | Aborted {
  const { roster, shared } = session
  const { owner, holder } = complaint
  const next = { ...session, complaints: session.complaints.set(pairOf(owner, holder), complaint) }
  const remaining = holdersLeft(next, owner, shared)
  if (remaining >= roster.parameters.threshold) return next
  const detail = `${remaining} holders are left for index ${owner}, ${roster.parameters.threshold} are needed`
  return abort(next, 'too_many_complaints', detail)
}

/** How many of `present` hold a share of `owner`. */
function holdersLeft(session: CollectingMaskedInput, owner: number, present: readonly number[]): number {
  const { roster, complaints } = session
  return holdersOf(roster.graph, owner).filter(
    (holder) => isIn(present, holder) && !complaints.has(pairOf(owner, holder)),
  ).length
}

/** Refuses the masked input of index `from` unless the received bytes have the digest that it signed. */
export function checkContribution(
  session: CollectingMaskedInput,
  from: number,
  contribution: ContributionReceipt & { readonly receivedDigest: Uint8Array },
): void {
  const { roster } = session
  refuseIf(!isIn(session.shared, from), 'not_in_shared_set', `index ${from} is not in U2`)
  refuseIf(
    !equalBytes(contribution.digest, contribution.receivedDigest),
    'digest_mismatch',
    `the bytes received from index ${from} are not those it signed`,
  )
  refuseIf(
    !verify(
      roster.lines[from - 1]?.signingKey ?? new Uint8Array(0),
      contributionStatement(roster.digests, contribution.digest),
      contribution.signature,
    ),
    'bad_signature',
    `the contribution of index ${from} is not signed by it`,
  )
}

/** Counts a checked masked input. */
export function takeContribution(
  session: CollectingMaskedInput,
  from: number,
  receipt: ContributionReceipt,
): CollectingMaskedInput {
  return { ...session, contributions: session.contributions.set(from, receipt) }
}

/** Fixes U3. Every owner in U2 needs t of its holders in it: without its secret the sum cannot be unmasked. */
export function close(session: CollectingMaskedInput): AttestingSurvivors | Aborted {
  const { roster, shared } = session
  const { assumptions, minimumCohort } = session.setup.context
  const survivors = ascending(session.contributions.keys())
  const { threshold, quorum } = roster.parameters
  const needed = Math.max(quorum, minimumCohort + assumptions.colluders)
  if (survivors.length < needed) {
    return abort(session, 'too_few_survivors', `${survivors.length} masked inputs arrived, ${needed} are needed`)
  }
  const lost = shared.find((owner) => holdersLeft(session, owner, survivors) < threshold)
  if (lost !== undefined) {
    const left = holdersLeft(session, lost, survivors)
    return abort(session, 'too_few_survivors', `${left} holders of index ${lost} survive, ${threshold} are needed`)
  }
  const size = roster.entries.length
  const bitmaps = { shared: encodeBitmap(shared, size), survivors: encodeBitmap(survivors, size) }
  const attestations = PersistentMap<number, Uint8Array>()
  return {
    ...session,
    stage: 'attest-survivors',
    survivors,
    bitmaps,
    attestations,
    awaited: stillIn(session, survivors),
  }
}
