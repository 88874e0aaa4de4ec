/**
 * Stage 2, masked input collection. In: signed complaints about dealt shares, and receipts for masked inputs whose bytes
 * the transport has received and hashed. Out: U3, fixed for good; what arrives afterwards is rejected and not stored.
 */
import { equalBytes } from '../../shared/crypto/digest.ts'
import { verify } from '../../shared/crypto/signatures.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import { contributionStatement, noShareStatement } from '../../shared/protocol/statements.ts'
import {
  type Aborted,
  type AttestingSurvivors,
  abort,
  type CollectingMaskedInput,
  type Complaint,
  type ContributionReceipt,
} from './session-state.ts'

/** Records a complaint; aborts as soon as an owner in U2 has fewer than t holders left. */
export function receiveComplaint(
  session: CollectingMaskedInput,
  complaint: Complaint,
): CollectingMaskedInput | Aborted {
  const { roster, shared } = session
  const { owner, holder } = complaint
  refuseIf(!shared.includes(holder), 'not_in_shared_set', `index ${holder} is not in U2`)
  refuseIf(!shared.includes(owner) || owner === holder, 'malformed', `index ${owner} dealt nothing to index ${holder}`)
  const leaf = session.deals.get(owner)?.leaves.find((candidate) => candidate.holder === holder)
  refuseIf(
    leaf === undefined || !equalBytes(leaf.ciphertextDigest, complaint.ciphertextDigest),
    'digest_mismatch',
    `the complaint of ${holder} about ${owner} names another ciphertext`,
  )
  const statement = noShareStatement(roster.digests, owner, holder, complaint.ciphertextDigest)
  refuseIf(
    !verify(roster.lines[holder - 1]?.signingKey ?? new Uint8Array(0), statement, complaint.signature),
    'bad_signature',
    `the complaint of index ${holder} is not signed by it`,
  )
  const next = { ...session, complaints: [...session.complaints, complaint] }
  const remaining = shared.length - next.complaints.filter((one) => one.owner === owner).length
  if (remaining >= roster.parameters.threshold) return next
  const detail = `${remaining} holders are left for index ${owner}, ${roster.parameters.threshold} are needed`
  return abort(next, 'too_many_complaints', detail)
}

/** Counts the masked input of index `from`: the received bytes have the digest that it signed. */
export function receiveContribution(
  session: CollectingMaskedInput,
  from: number,
  contribution: ContributionReceipt & { readonly receivedDigest: Uint8Array },
): CollectingMaskedInput {
  const { roster } = session
  refuseIf(!session.shared.includes(from), 'not_in_shared_set', `index ${from} is not in U2`)
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
  const { digest, signature } = contribution
  return { ...session, contributions: new Map(session.contributions).set(from, { digest, signature }) }
}

/** Fixes U3. */
export function close(session: CollectingMaskedInput): AttestingSurvivors | Aborted {
  const { assumptions, minimumCohort } = session.setup.context
  const survivors = [...session.contributions.keys()].sort((a, b) => a - b)
  const { threshold, quorum } = session.roster.parameters
  const needed = Math.max(threshold, quorum, minimumCohort + assumptions.colluders)
  if (survivors.length < needed) {
    return abort(session, 'too_few_survivors', `${survivors.length} masked inputs arrived, ${needed} are needed`)
  }
  return { ...session, stage: 'attest-survivors', survivors, attestations: new Map() }
}
