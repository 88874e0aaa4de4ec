/**
 * Stage 4, unmasking: against a quorum certificate over exactly the sets it signed, reveals one kind of share per owner.
 * The reply is recorded before it leaves; the same request gets the same bytes, any other request gets nothing.
 */
import { encodeHex, equalBytes } from '../../shared/crypto/digest.ts'
import { decodeBitmap } from '../../shared/protocol/bitmap.ts'
import { holdersOf } from '../../shared/protocol/neighbour-graph.ts'
import { everyTime } from '../../shared/protocol/once.ts'
import type { QuorumCertificate } from '../../shared/protocol/quorum-certificate.ts'
import { quorumCertificateFlaw } from '../../shared/protocol/quorum-certificate.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import type { RevealedShare } from '../../shared/protocol/reveal.ts'
import { digestTuple } from '../../shared/protocol/tuple.ts'
import type { AfterAttestSurvivors, ParticipantEnvironment, Stepped } from './session-state.ts'

/** Identifies a request by all its bytes. */
export function requestDigest(certificate: QuorumCertificate): Uint8Array {
  const signatures = certificate.signatures.flatMap(({ index, signature }) => [index, signature])
  return digestTuple('blindsum/v1/reveal-request', certificate.shared, certificate.survivors, ...signatures)
}

/** Accepts the certificate and answers. */
export function revealShares(
  session: AfterAttestSurvivors,
  certificate: QuorumCertificate,
  { once = everyTime }: Pick<ParticipantEnvironment, 'once'>,
): Stepped {
  const { ownIndex, parameters, digests, lines } = session
  const { sessionId } = session.setup.context
  refuseIf(
    !equalBytes(certificate.shared, session.shared) || !equalBytes(certificate.survivors, session.survivors),
    'another_survivor_set',
    'the certificate is over other sets than this participant signed',
  )
  // The roster's digest covers the context, and with it the plan's rule for the quorum.
  const { flaw, request } = once(certificate, encodeHex(digests.rosterDigest), () => ({
    flaw: quorumCertificateFlaw(certificate, { digests, roster: lines, quorum: parameters.quorum }),
    request: requestDigest(certificate),
  }))
  refuseIf(flaw !== null, 'bad_quorum_certificate', flaw ?? '')
  const shared = new Set(decodeBitmap(session.shared, parameters.participants))
  const surviving = new Set(decodeBitmap(session.survivors, parameters.participants))
  // Holding is mutual: those who hold this participant's shares are those whose shares it holds.
  const owners = holdersOf(session.graph, ownIndex).filter((owner) => shared.has(owner))
  const holders = owners.filter((holder) => surviving.has(holder))
  refuseIf(
    holders.length < parameters.threshold,
    'too_few_holders',
    `${holders.length} holders of this participant's secrets are in U3, ${parameters.threshold} are needed`,
  )
  const reply = owners.map((owner) => answerFor(session, owner, surviving.has(owner)))
  return {
    session: { ...session, stage: 'revealed', requestDigest: request, reply },
    effects: [
      { kind: 'record', fact: { kind: 'answered', sessionId, requestDigest: request, reply } },
      { kind: 'send', message: { kind: 'reveal-shares', shares: reply } },
    ],
  }
}

/** Exactly one of: share of b (survivor), share of s_sk (dropout), none. Of its own secrets only the share of b. */
function answerFor(session: AfterAttestSurvivors, owner: number, survived: boolean): RevealedShare {
  if (owner === session.ownIndex) return { owner, kind: 'self-mask-seed', share: session.ownSelfShare.slice() }
  const pair = session.held.get(owner)
  if (pair === undefined || pair === null) return { owner, kind: 'none' }
  return survived
    ? { owner, kind: 'self-mask-seed', share: pair.selfSeedShare.slice() }
    : { owner, kind: 'mask-key', share: pair.maskKeyShare.slice() }
}
