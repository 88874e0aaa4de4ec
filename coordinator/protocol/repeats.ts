/**
 * Duplicates with identical bytes are the same message, whenever they come; with other bytes they are rejected. Asked
 * before the stage is looked at, so that an answer whose acknowledgement was lost can be sent again in a later stage.
 */
import { equalBytes } from '../../shared/crypto/digest.ts'
import { type Deal, dealRoot } from '../../shared/protocol/deal.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import type { Reveal } from '../../shared/protocol/reveal.ts'
import { entryHash } from '../../shared/protocol/roster.ts'
import type { ReceivedMessage } from './session.ts'
import { type CoordinatorSession, indexOf, pairOf } from './session-state.ts'

/** True when this very message was taken before; refuses another one in its place. */
export function answerAlreadyGiven(session: CoordinatorSession, from: string, message: ReceivedMessage): boolean {
  const same = compare(session, from, message)
  refuseIf(same === false, 'conflicting_repeat', `${from} has already sent another ${message.kind}`)
  return same === true
}

/** `null` when nothing was recorded. */
function compare(session: CoordinatorSession, from: string, message: ReceivedMessage): boolean | null {
  if (message.kind === 'withdraw') return session.withdrawn.has(from) ? true : null
  if (message.kind === 'advertise-keys') {
    const recorded =
      'entries' in session
        ? session.entries.get(from)
        : 'roster' in session
          ? session.roster.entries[(indexOf(session.roster, from) ?? 0) - 1]
          : undefined
    return recorded === undefined ? null : equalBytes(entryHash(recorded), entryHash(message.entry))
  }
  const index = 'roster' in session ? indexOf(session.roster, from) : null
  if (index === null) return null
  switch (message.kind) {
    case 'share-keys': {
      const recorded = 'deals' in session ? session.deals.get(index) : undefined
      if (recorded === undefined) return null
      const { deal } = message
      return sameDeal(recorded, deal)
    }
    case 'no-share': {
      const recorded = 'complaints' in session ? session.complaints.get(pairOf(message.owner, index)) : undefined
      return recorded === undefined ? null : equalBytes(recorded.signature, message.signature)
    }
    case 'contribution': {
      const recorded = 'contributions' in session ? session.contributions.get(index) : undefined
      if (recorded === undefined) return null
      return equalBytes(recorded.digest, message.digest) && equalBytes(recorded.signature, message.signature)
    }
    case 'attest-survivors': {
      const recorded = 'attestations' in session ? session.attestations.get(index) : undefined
      return recorded === undefined ? null : equalBytes(recorded, message.signature)
    }
    case 'reveal-shares': {
      const recorded = 'reveals' in session ? session.reveals.get(index) : undefined
      return recorded === undefined ? null : sameReveal(recorded, message.shares)
    }
    default:
      return null
  }
}

function sameDeal(a: Deal, b: Deal): boolean {
  return (
    a.owner === b.owner &&
    equalBytes(a.signature, b.signature) &&
    equalBytes(a.selfSeedCommitment, b.selfSeedCommitment) &&
    equalBytes(dealRoot(a.leaves), dealRoot(b.leaves)) &&
    a.ciphertexts.length === b.ciphertexts.length &&
    a.ciphertexts.every(({ holder, ciphertext }, place) => {
      const other = b.ciphertexts[place]
      return other !== undefined && holder === other.holder && equalBytes(ciphertext, other.ciphertext)
    })
  )
}

function sameReveal(a: Reveal, b: Reveal): boolean {
  return (
    a.length === b.length &&
    a.every((share, place) => {
      const other = b[place]
      if (other === undefined || share.owner !== other.owner || share.kind !== other.kind) return false
      return share.kind === 'none' || other.kind === 'none' || equalBytes(share.share, other.share)
    })
  )
}
