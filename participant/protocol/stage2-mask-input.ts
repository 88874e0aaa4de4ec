/**
 * Stage 2, masked input collection: opens what the others dealt, complains about what does not open, records U2 and that
 * this update is spent, and only then masks it. One U2 and one masked input per session; one session per update.
 */
import { shareCommitment } from '../../shared/crypto/commitments.ts'
import { pairwiseMaskKey, selfMaskKey } from '../../shared/crypto/derivation.ts'
import { equalBytes } from '../../shared/crypto/digest.ts'
import { importSecretKey } from '../../shared/crypto/key-agreement.ts'
import { wipe } from '../../shared/crypto/secrets.ts'
import { sign } from '../../shared/crypto/signatures.ts'
import { invariant } from '../../shared/errors.ts'
import type { MaskSeed } from '../../shared/masks/mask-engine.ts'
import { decodeBitmap } from '../../shared/protocol/bitmap.ts'
import { type DealForHolder, dealForHolderVerifies } from '../../shared/protocol/deal.ts'
import type { Instruction, ParticipantMessage } from '../../shared/protocol/messages.ts'
import { holdersOf } from '../../shared/protocol/neighbour-graph.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import { openSharePair, type SharePair } from '../../shared/protocol/sealed-shares.ts'
import { contributionStatement, noShareStatement } from '../../shared/protocol/statements.ts'
import type {
  AfterMasking,
  AfterShareKeys,
  ParticipantEffect,
  ParticipantEnvironment,
  Stepped,
} from './session-state.ts'

/** Accepts U2 and asks for the masked input to be made. */
export function maskInput(
  session: AfterShareKeys,
  instruction: Extract<Instruction, { kind: 'mask-input' }>,
  environment: ParticipantEnvironment,
): Stepped {
  const { setup, ownIndex, parameters } = session
  const { sessionId, assumptions } = setup.context
  const indices = decodeBitmap(instruction.shared, parameters.participants)
  refuseIf(indices === null, 'malformed', 'U2 is not a bitmap over the roster')
  const shared = new Set(indices)
  refuseIf(!shared.has(ownIndex), 'not_in_shared_set', 'this participant is not in U2')
  refuseIf(
    shared.size - assumptions.colluders < setup.minimumCohort,
    'cohort_too_small',
    `|U2| is ${shared.size}, less ${assumptions.colluders} possible colluders: at least ${setup.minimumCohort} are required`,
  )
  const holders = holdersOf(session.graph, ownIndex).filter((holder) => shared.has(holder))
  refuseIf(
    holders.length < parameters.threshold,
    'too_few_holders',
    `${holders.length} holders of this participant's secrets are in U2, ${parameters.threshold} are needed`,
  )
  const neighbours = [...session.neighbours.keys()].filter((index) => shared.has(index)).sort((a, b) => a - b)
  refuseIf(
    instruction.deals.length !== neighbours.length ||
      instruction.deals.some((deal, place) => deal.owner !== neighbours[place]),
    'ciphertexts_disagree',
    `${neighbours.length} neighbours are in U2, ciphertexts of ${instruction.deals.length} came, or of others`,
  )
  for (const deal of instruction.deals) checkDeal(session, deal)
  refuseIf(environment.journal.isSpent(setup.updateDigest), 'update_spent', 'this update was masked before')

  const held = new Map<number, SharePair | null>()
  const complaints: Extract<ParticipantMessage, { kind: 'no-share' }>[] = []
  for (const deal of instruction.deals) {
    const pair = openDeal(session, deal)
    held.set(deal.owner, pair)
    if (pair === null) complaints.push(complain(session, deal))
  }
  wipe(...session.incomingKeys.values())
  const effects: ParticipantEffect[] = [
    { kind: 'record', fact: { kind: 'shared-set-accepted', sessionId, shared: instruction.shared } },
    ...complaints.map((message) => ({ kind: 'send', message }) as const),
    { kind: 'record', fact: { kind: 'update-spent', sessionId, updateDigest: setup.updateDigest } },
    { kind: 'mask', masks: masksOf(session, neighbours) },
  ]
  const { shared: bitmap } = instruction
  return {
    session: { ...session, stage: 'masked', shared: bitmap, held, complaints, contribution: null, acknowledged: false },
    effects,
  }
}

/** The masked input is fixed: signs its digest, the receipt that enters the provenance. */
export function maskedInputReady(session: AfterMasking, digest: Uint8Array): Stepped {
  invariant(session.contribution === null, 'a session has one masked input')
  const signature = sign(session.secrets.signing, contributionStatement(session.digests, digest))
  const contribution = { digest, signature }
  return { session: { ...session, contribution }, effects: [{ kind: 'upload', contribution }] }
}

function checkDeal(session: AfterShareKeys, deal: DealForHolder): void {
  const { ownIndex } = session
  const holders = holdersOf(session.graph, deal.owner)
  const verifies = dealForHolderVerifies(session.digests, deal, {
    holder: ownIndex,
    place: holders.indexOf(ownIndex),
    leafCount: holders.length,
    signingKey: session.lines[deal.owner - 1]?.signingKey ?? new Uint8Array(0),
  })
  refuseIf(!verifies, 'bad_signature', `what index ${deal.owner} dealt is not what it signed`)
}

/** The pair of shares, or `null` when it does not open or is off its commitments. */
function openDeal(session: AfterShareKeys, deal: DealForHolder): SharePair | null {
  const { digests, ownIndex: holder } = session
  const { owner, leaf } = deal
  const key = session.incomingKeys.get(owner)
  invariant(key !== undefined, 'deals come from neighbours')
  const pair = openSharePair({ digests, key, from: owner, to: holder }, deal.ciphertext)
  if (pair === null) return null
  const self = shareCommitment({ ...digests, owner, holder, kind: 'self-mask-seed', share: pair.selfSeedShare })
  const mask = shareCommitment({ ...digests, owner, holder, kind: 'mask-key', share: pair.maskKeyShare })
  const good = equalBytes(self, leaf.selfShareCommitment) && equalBytes(mask, leaf.maskKeyShareCommitment)
  if (good) return pair
  wipe(pair.selfSeedShare, pair.maskKeyShare)
  return null
}

function complain(session: AfterShareKeys, deal: DealForHolder): Extract<ParticipantMessage, { kind: 'no-share' }> {
  const { ciphertextDigest } = deal.leaf
  const statement = noShareStatement(session.digests, deal.owner, session.ownIndex, ciphertextDigest)
  const signature = sign(session.secrets.signing, statement)
  return { kind: 'no-share', owner: deal.owner, ciphertextDigest, signature }
}

/** y_u = x_u + PRG(b_u) + Σ ±PRG(s_{u,v}) over neighbours in U2: + if this index is below the neighbour's. */
function masksOf(session: AfterShareKeys, neighbours: readonly number[]): readonly MaskSeed[] {
  const { digests, ownIndex, secrets, selfSeed } = session
  const ownSecret = importSecretKey(secrets.mask.secretKey)
  const pairwise = neighbours.map((neighbour): MaskSeed => {
    const peerPublic = session.neighbours.get(neighbour)?.maskKey
    invariant(peerPublic !== undefined, 'every neighbour is in the roster')
    const key = pairwiseMaskKey({ ownSecret, peerPublic, ...digests, a: ownIndex, b: neighbour })
    return { key, sign: ownIndex < neighbour ? 1 : -1 }
  })
  return [{ key: selfMaskKey({ seed: selfSeed, ...digests, owner: ownIndex }), sign: 1 }, ...pairwise]
}
