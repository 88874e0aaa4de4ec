/**
 * Stage 4, unmasking. In: for each owner one kind of share, each checked against its commitment. Out: the masks that turn
 * the sum of masked inputs into the sum of inputs. A share off its commitment names its holder; t good shares that do not
 * make the committed secret name the dealer.
 */
import { selfSeedCommitment, shareCommitment } from '../../shared/crypto/commitments.ts'
import { pairwiseMaskKey, selfMaskKey } from '../../shared/crypto/derivation.ts'
import { equalBytes } from '../../shared/crypto/digest.ts'
import { importSecretKey, keyPairFromSecret } from '../../shared/crypto/key-agreement.ts'
import { wipe } from '../../shared/crypto/secrets.ts'
import { type HeldShare, reconstructSecret } from '../../shared/crypto/shamir.ts'
import type { MaskSeed } from '../../shared/masks/mask-engine.ts'
import { isIn, sameNumbers } from '../../shared/protocol/ascending.ts'
import { leafOf } from '../../shared/protocol/deal.ts'
import { holdersOf, neighboursOf } from '../../shared/protocol/neighbour-graph.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import type { Reveal, RevealedShare } from '../../shared/protocol/reveal.ts'
import { type Aborted, abort, blamedByComplaints, type Completed, idAt, type RevealingShares } from './session-state.ts'

/**
 * Refuses the reveal of survivor `from` unless it has one entry for each of H(from) in U2, of the kind its owner's fate asks
 * for, or none. Returns why `from` has to be named, for a share off its commitment, or `null`.
 */
export function checkReveal(session: RevealingShares, from: number, reveal: Reveal): string | null {
  const { roster, shared, survivors } = session
  refuseIf(!isIn(survivors, from), 'not_in_survivors', `index ${from} is not in U3`)
  const owners = holdersOf(roster.graph, from).filter((owner) => isIn(shared, owner))
  refuseIf(
    !sameNumbers(
      reveal.map((share) => share.owner),
      owners,
    ),
    'malformed',
    `a reveal answers for the ${owners.length} owners in U2 whose shares its sender holds, in index order`,
  )
  for (const share of reveal) {
    if (share.kind === 'none') continue
    const wanted = isIn(survivors, share.owner) ? 'self-mask-seed' : 'mask-key'
    refuseIf(
      share.kind !== wanted,
      'unexpected_share',
      `a ${share.kind} share of index ${share.owner}, wanted ${wanted}`,
    )
    refuseIf(share.share.length !== 32, 'malformed', `a share is 32 bytes, not ${share.share.length}`)
  }
  const off = reveal.find((share) => share.kind !== 'none' && !matchesCommitment(session, from, share))
  return off === undefined ? null : `the share of index ${off.owner} from index ${from} is not the one dealt to it`
}

/** Takes a checked reveal. */
export function takeReveal(session: RevealingShares, from: number, reveal: Reveal): RevealingShares {
  return { ...session, reveals: session.reveals.set(from, reveal) }
}

/** Recovers every self mask seed of a survivor and every mask key of a dropout, and lists the masks to remove. */
export function close(session: RevealingShares): Completed | Aborted {
  const masks: MaskSeed[] = []
  const { threshold } = session.roster.parameters
  const revealed = sharesByOwner(session)
  for (const owner of session.shared) {
    const shares = revealed.get(owner) ?? []
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
  const named = session.named.union(blamedByComplaints(session))
  const facts = { setup, withdrawn, named, roster, shared, survivors, complaints, contributions, certificate }
  return { stage: 'completed', ...facts, masks }
}

function matchesCommitment(session: RevealingShares, holder: number, share: Exclude<RevealedShare, { kind: 'none' }>) {
  const { owner, kind } = share
  const deal = session.deals.get(owner)
  const leaf = deal === undefined ? null : leafOf(deal, holder)
  if (leaf === null) return false
  const commitment = shareCommitment({ ...session.roster.digests, owner, holder, kind, share: share.share })
  return equalBytes(commitment, kind === 'self-mask-seed' ? leaf.selfShareCommitment : leaf.maskKeyShareCommitment)
}

/** What was revealed of each owner, holders ascending, in one walk over all reveals. */
function sharesByOwner({ reveals }: RevealingShares): ReadonlyMap<number, readonly HeldShare[]> {
  const byOwner = new Map<number, HeldShare[]>()
  for (const [holder, reveal] of [...reveals].sort(([a], [b]) => a - b)) {
    for (const share of reveal) {
      if (share.kind === 'none') continue
      const held = byOwner.get(share.owner)
      if (held === undefined) byOwner.set(share.owner, [{ holder, share: share.share }])
      else held.push({ holder, share: share.share })
    }
  }
  return byOwner
}

function isCommittedSecret(session: RevealingShares, owner: number, secret: Uint8Array): boolean {
  if (!isIn(session.survivors, owner)) {
    const maskKey = session.roster.entries[owner - 1]?.maskKey ?? new Uint8Array(0)
    return equalBytes(keyPairFromSecret(secret).publicKey, maskKey)
  }
  const committed = session.deals.get(owner)?.selfSeedCommitment ?? new Uint8Array(0)
  return equalBytes(selfSeedCommitment({ ...session.roster.digests, owner, seed: secret }), committed)
}

/** A survivor's self mask comes off; so does what each survivor added for a dropout it was paired with. */
function masksOf(session: RevealingShares, owner: number, secret: Uint8Array): readonly MaskSeed[] {
  const { digests, entries, graph } = session.roster
  if (isIn(session.survivors, owner)) {
    return [{ key: selfMaskKey({ ...digests, seed: secret, owner }), sign: -1 }]
  }
  const ownSecret = importSecretKey(secret)
  return neighboursOf(graph, owner)
    .filter((neighbour) => isIn(session.survivors, neighbour))
    .map((neighbour) => ({
      key: pairwiseMaskKey({
        ...digests,
        ownSecret,
        peerPublic: entries[neighbour - 1]?.maskKey ?? new Uint8Array(0),
        a: owner,
        b: neighbour,
      }),
      // The neighbour added the mask when its index is below the owner's, and subtracted it otherwise.
      sign: neighbour < owner ? -1 : 1,
    }))
}
