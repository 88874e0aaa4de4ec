/**
 * Participants that really misbehave. The honest core makes the message; here it is made worse, with the participant's own
 * keys where that makes it harder to catch.
 */
import { randomBytes } from 'node:crypto'
import type { Contribution, ParticipantSession } from '../participant/protocol/session-state.ts'
import { sha256 } from '../shared/crypto/digest.ts'
import { sign } from '../shared/crypto/signatures.ts'
import { type Deal, dealRoot, dealStatement } from '../shared/protocol/deal.ts'
import { SEALED_SHARES_BYTES } from '../shared/protocol/sealed-shares.ts'
import { survivorsStatement } from '../shared/protocol/statements.ts'
import type { Misbehaviour } from './fates.ts'
import type { SmallMessage } from './wire-bytes.ts'

/** What is sent in place of `message`. */
export function misbehave(how: Misbehaviour, message: SmallMessage, session: ParticipantSession): SmallMessage[] {
  switch (message.kind) {
    case 'advertise-keys': {
      if (how !== 'false-advertisement') return [message]
      return [{ ...message, entry: { ...message.entry, signature: spoilt(message.entry.signature) } }]
    }
    case 'share-keys': {
      const { deal } = message
      if (how === 'false-deal') return [{ ...message, deal: { ...deal, signature: spoilt(deal.signature) } }]
      if (how === 'garbage-ciphertexts') return [{ ...message, deal: withGarbage(deal, session) }]
      // A signature is different each time it is made, and so is the message.
      if (how === 'conflicting-deal') return [message, { ...message, deal: signedAgain(deal, session) }]
      return [message]
    }
    case 'attest-survivors': {
      if (how === 'false-attestation') return [{ ...message, signature: spoilt(message.signature) }]
      if (how !== 'conflicting-attestation' || session.stage !== 'attested') return [message]
      const { digests, shared, survivors, secrets } = session
      const signature = sign(secrets.signing, survivorsStatement(digests, shared, survivors))
      return [message, { ...message, signature }]
    }
    case 'reveal-shares': {
      const first = message.shares.findIndex((share) => share.kind !== 'none')
      if (how !== 'bad-share') return [message]
      const shares = message.shares.map((share, at) =>
        at === first && share.kind !== 'none' ? { ...share, share: spoilt(share.share) } : share,
      )
      return [{ ...message, shares }]
    }
    default:
      return [message]
  }
}

/** The masked input and receipt that are uploaded in place of the true ones. */
export function misbehaveUploading(how: Misbehaviour, packed: Uint8Array, contribution: Contribution) {
  if (how === 'wrong-length') return { packed: packed.subarray(0, packed.length - 1), contribution }
  if (how === 'wrong-digest') return { packed: spoilt(packed), contribution }
  if (how === 'false-receipt') {
    return { packed, contribution: { ...contribution, signature: spoilt(contribution.signature) } }
  }
  return { packed, contribution }
}

/** A copy with one bit of its first byte turned. */
function spoilt(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes)
  copy[0] = (copy[0] ?? 0) ^ 1
  return copy
}

/** Random ciphertexts for a quarter of the holders that could be spared, under a signature that holds. */
function withGarbage(deal: Deal, session: ParticipantSession): Deal {
  if (session.stage !== 'shared') return deal
  const { holders, threshold } = session.parameters
  const count = Math.max(1, Math.floor((holders - threshold) / 4))
  const garbage = new Map(
    deal.ciphertexts.slice(0, count).map(({ holder }) => [holder, new Uint8Array(randomBytes(SEALED_SHARES_BYTES))]),
  )
  const ciphertexts = deal.ciphertexts.map((sealed) => {
    const ciphertext = garbage.get(sealed.holder)
    return ciphertext === undefined ? sealed : { ...sealed, ciphertext }
  })
  const leaves = deal.leaves.map((leaf) => {
    const ciphertext = garbage.get(leaf.holder)
    return ciphertext === undefined ? leaf : { ...leaf, ciphertextDigest: sha256(ciphertext) }
  })
  return signedAgain({ ...deal, leaves, ciphertexts }, session)
}

function signedAgain(deal: Deal, session: ParticipantSession): Deal {
  if (session.stage !== 'shared') return deal
  const statement = dealStatement(session.digests, deal.owner, deal.selfSeedCommitment, dealRoot(deal.leaves))
  return { ...deal, signature: sign(session.secrets.signing, statement) }
}
