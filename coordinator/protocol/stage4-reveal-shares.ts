/**
 * Stage 4, unmasking. In: for each owner one kind of share, each checked against its commitment. Out: the masks that turn
 * the sum of masked inputs into the sum of inputs. A share off its commitment names its holder; t good shares that do not
 * make the committed secret name the dealer.
 */
import { selfSeedCommitment, shareCommitment } from '../../shared/crypto/commitments.ts'
import { pairwiseMaskKey, selfMaskKey } from '../../shared/crypto/derivation.ts'
import { equalBytes } from '../../shared/crypto/digest.ts'
import { keyPairFromSecret } from '../../shared/crypto/key-agreement.ts'
import { wipe } from '../../shared/crypto/secrets.ts'
import { reconstructSecret } from '../../shared/crypto/shamir.ts'
import type { MaskSeed } from '../../shared/masks/mask-engine.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import type { Reveal, RevealedShare } from '../../shared/protocol/reveal.ts'
import { neighboursOf } from '../../shared/protocol/threshold.ts'
import { type Aborted, abort, blamedByComplaints, type Completed, idAt, type RevealingShares } from './session-state.ts'

/** What came of a reveal: taken, or its holder is named for a share off its commitment. */
export type RevealVerdict =
  | { readonly kind: 'taken'; readonly session: RevealingShares }
  | { readonly kind: 'named'; readonly session: RevealingShares; readonly message: string }

/** Takes the reveal of survivor `from`: exactly one entry per owner in U2, of the kind its fate asks for, or none. */
export function receive(session: RevealingShares, from: number, reveal: Reveal): RevealVerdict {
  refuseIf(!session.survivors.includes(from), 'not_in_survivors', `index ${from} is not in U3`)
  refuseIf(
    reveal.length !== session.shared.length || reveal.some((share, place) => share.owner !== session.shared[place]),
    'malformed',
    `a reveal answers for each of the ${session.shared.length} owners in U2, in index order`,
  )
  for (const share of reveal) {
    if (share.kind === 'none') continue
    const wanted = session.survivors.includes(share.owner) ? 'self-mask-seed' : 'mask-key'
    refuseIf(
      share.kind !== wanted,
      'unexpected_share',
      `a ${share.kind} share of index ${share.owner}, wanted ${wanted}`,
    )
    refuseIf(share.share.length !== 32, 'malformed', `a share is 32 bytes, not ${share.share.length}`)
  }
  const off = reveal.find((share) => share.kind !== 'none' && !matchesCommitment(session, from, share))
  if (off !== undefined) {
    const named = [...new Set([...session.named, idAt(session.roster, from)])]
    const message = `the share of index ${off.owner} from index ${from} is not the one dealt to it`
    return { kind: 'named', session: { ...session, named }, message }
  }
  return { kind: 'taken', session: { ...session, reveals: new Map(session.reveals).set(from, reveal) } }
}

/** Recovers every self mask seed of a survivor and every mask key of a dropout, and lists the masks to remove. */
export function close(session: RevealingShares): Completed | Aborted {
  const masks: MaskSeed[] = []
  for (const owner of session.shared) {
    const shares = sharesOf(session, owner)
    const { threshold } = session.roster.parameters
    if (shares.length < threshold) {
      const detail = `${shares.length} shares of index ${owner} were revealed, ${threshold} are needed`
      wipe(...masks.map(({ key }) => key))
      return abort(session, 'too_few_shares', detail)
    }
    const secret = reconstructSecret(shares, threshold)
    if (!isCommittedSecret(session, owner, secret)) {
      const detail = `the shares that index ${owner} dealt do not make the secret it committed to`
      wipe(secret, ...masks.map(({ key }) => key))
      return abort(session, 'secret_mismatch', detail, [idAt(session.roster, owner)])
    }
    masks.push(...masksOf(session, owner, secret))
    wipe(secret)
  }
  const { setup, withdrawn, roster, shared, survivors, complaints, contributions, certificate } = session
  const named = [...new Set([...session.named, ...blamedByComplaints(session)])]
  const facts = { setup, withdrawn, named, roster, shared, survivors, complaints, contributions, certificate }
  return { stage: 'completed', ...facts, masks }
}

function matchesCommitment(session: RevealingShares, holder: number, share: Exclude<RevealedShare, { kind: 'none' }>) {
  const leaf = session.deals.get(share.owner)?.leaves.find((candidate) => candidate.holder === holder)
  if (leaf === undefined) return false
  const { owner, kind } = share
  const commitment = shareCommitment({ ...session.roster.digests, owner, holder, kind, share: share.share })
  return equalBytes(commitment, kind === 'self-mask-seed' ? leaf.selfShareCommitment : leaf.maskKeyShareCommitment)
}

function sharesOf(session: RevealingShares, owner: number) {
  const shares: { holder: number; share: Uint8Array }[] = []
  for (const [holder, reveal] of session.reveals) {
    const found = reveal.find((share) => share.owner === owner)
    if (found !== undefined && found.kind !== 'none') shares.push({ holder, share: found.share })
  }
  return shares.sort((a, b) => a.holder - b.holder)
}

function isCommittedSecret(session: RevealingShares, owner: number, secret: Uint8Array): boolean {
  if (!session.survivors.includes(owner)) {
    const maskKey = session.roster.entries[owner - 1]?.maskKey ?? new Uint8Array(0)
    return equalBytes(keyPairFromSecret(secret).publicKey, maskKey)
  }
  const committed = session.deals.get(owner)?.selfSeedCommitment ?? new Uint8Array(0)
  return equalBytes(selfSeedCommitment({ ...session.roster.digests, owner, seed: secret }), committed)
}

/** A survivor's self mask comes off; so does what each survivor added for a dropout it was paired with. */
function masksOf(session: RevealingShares, owner: number, secret: Uint8Array): readonly MaskSeed[] {
  const { digests, entries } = session.roster
  if (session.survivors.includes(owner)) {
    return [{ key: selfMaskKey({ ...digests, seed: secret, owner }), sign: -1 }]
  }
  const survivors = new Set(session.survivors)
  return neighboursOf(owner, entries.length)
    .filter((neighbour) => survivors.has(neighbour))
    .map((neighbour) => ({
      key: pairwiseMaskKey({
        ...digests,
        ownSecret: secret,
        peerPublic: entries[neighbour - 1]?.maskKey ?? new Uint8Array(0),
        a: owner,
        b: neighbour,
      }),
      // The neighbour added the mask when its index is below the owner's, and subtracted it otherwise.
      sign: neighbour < owner ? -1 : 1,
    }))
}
