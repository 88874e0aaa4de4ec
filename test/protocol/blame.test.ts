/** Who is named for what: dealers of garbage, dealers of shares that make no secret; and nobody who merely complained. */
import { beforeAll, describe, expect, test } from 'vitest'
import { closeStage, isLive } from '../../coordinator/protocol/session.ts'
import { selfSeedCommitment, shareCommitment } from '../../shared/crypto/commitments.ts'
import { shareKey } from '../../shared/crypto/derivation.ts'
import { sha256 } from '../../shared/crypto/digest.ts'
import { splitSecret } from '../../shared/crypto/shamir.ts'
import { sign } from '../../shared/crypto/signatures.ts'
import { type Deal, dealRoot, dealStatement } from '../../shared/protocol/deal.ts'
import { sealSharePair } from '../../shared/protocol/sealed-shares.ts'
import { noShareStatement } from '../../shared/protocol/statements.ts'
import { systemRng } from '../../shared/random.ts'
import {
  deliver,
  NOW_MS,
  openFederation,
  outcomeOf,
  plaintextSum,
  runSession,
  type Site,
  walkStage,
} from './federation.ts'
import { type Identities, makeIdentities } from './identities.ts'

const SIZE = 5
let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
})

/** Runs to stage 1 and lets the third site deal what `cheat` makes of its honest deal, properly signed. */
async function withDealer(cheat: (deal: Deal, dealer: Site) => Deal) {
  const federation = await openFederation({ size: SIZE, identities, parameterCount: 16 })
  const dealer = [...federation.sites.values()][2]
  if (dealer === undefined) throw new Error('five sites')
  await walkStage(federation)
  const open = federation.coordinator
  const up = (message: { kind: string }, from: string) => !(from === dealer.spiffeId && message.kind === 'share-keys')
  await walkStage(federation, { up })
  // Open stage 1 again with everybody's deals but the cheat's, and deliver that.
  const closed = federation.coordinator
  if (!('deals' in closed) || open.stage !== 'share-keys') throw new Error('stage 1')
  federation.coordinator = { ...open, deals: closed.deals }
  if (dealer.session?.stage !== 'shared') throw new Error('the dealer has dealt')
  expect(deliver(federation, dealer, { kind: 'share-keys', deal: cheat(dealer.session.deal, dealer) })).toBe(true)
  if (isLive(federation.coordinator)) federation.coordinator = closeStage(federation.coordinator)
  return { federation, dealer }
}

function resigned(deal: Deal, dealer: Site): Deal {
  if (dealer.session?.stage !== 'shared') throw new Error('the dealer has dealt')
  const { secrets, digests } = dealer.session
  const statement = dealStatement(digests, deal.owner, deal.selfSeedCommitment, dealRoot(deal.leaves))
  return { ...deal, signature: sign(secrets.signing, statement) }
}

function garbageTo(holders: readonly number[]) {
  return (deal: Deal, dealer: Site): Deal => {
    const ciphertexts = deal.ciphertexts.map((sealed) =>
      holders.includes(sealed.holder) ? { ...sealed, ciphertext: systemRng(104) } : sealed,
    )
    const leaves = deal.leaves.map((leaf) => {
      const sealed = ciphertexts.find((one) => one.holder === leaf.holder)
      return sealed === undefined ? leaf : { ...leaf, ciphertextDigest: sha256(sealed.ciphertext) }
    })
    return resigned({ ...deal, ciphertexts, leaves }, dealer)
  }
}

describe('garbage', () => {
  test('to one holder: the pair is recorded, nobody is named, the sum is exact', async () => {
    const { federation } = await withDealer(garbageTo([1]))
    const sum = await runSession(federation)
    expect(outcomeOf(federation)).toMatchObject({ stage: 'completed', named: [] })
    expect(sum).toEqual(plaintextSum(federation, [1, 2, 3, 4, 5]))
  })

  test('to everybody: the session aborts, the dealer alone is named, all updates are spent or safe', async () => {
    const { federation, dealer } = await withDealer(garbageTo([1, 2, 4, 5]))
    expect(await runSession(federation)).toBeNull()
    expect(outcomeOf(federation)).toMatchObject({
      stage: 'aborted',
      reason: 'too_many_complaints',
      named: [dealer.spiffeId],
    })
    for (const site of federation.sites.values()) {
      expect(site.sent.some((message) => message.kind === 'reveal-shares')).toBe(false)
    }
  })
})

test('shares that do not make the committed secret: the dealer is named in stage 4', async () => {
  const { federation, dealer } = await withDealer((deal, site) => {
    if (site.session?.stage !== 'shared') throw new Error('the dealer has dealt')
    const { secrets, digests, neighbours, parameters } = site.session
    const { owner } = deal
    const wrong = splitSecret({
      secret: systemRng(32),
      threshold: parameters.threshold,
      holders: [1, 2, 3, 4, 5],
      rng: systemRng,
    })
    const ciphertexts = deal.ciphertexts.map(({ holder }) => {
      const share = wrong.get(holder) ?? new Uint8Array(32)
      const peerPublic = neighbours.get(holder)?.channelKey ?? new Uint8Array(32)
      const key = shareKey({ ownSecret: secrets.channel.secretKey, peerPublic, ...digests, from: owner, to: holder })
      const pair = { selfSeedShare: share, maskKeyShare: share }
      return { holder, ciphertext: sealSharePair({ digests, key, from: owner, to: holder }, pair, systemRng(24)) }
    })
    const leaves = deal.leaves.map((leaf) => {
      const { holder } = leaf
      if (holder === owner) return leaf
      const share = wrong.get(holder) ?? new Uint8Array(32)
      const ciphertext = ciphertexts.find((sealed) => sealed.holder === holder)?.ciphertext ?? new Uint8Array(0)
      return {
        holder,
        ciphertextDigest: sha256(ciphertext),
        selfShareCommitment: shareCommitment({ ...digests, owner, holder, kind: 'self-mask-seed', share }),
        maskKeyShareCommitment: shareCommitment({ ...digests, owner, holder, kind: 'mask-key', share }),
      }
    })
    const seedCommitment = selfSeedCommitment({ ...digests, owner, seed: site.session.selfSeed })
    return resigned({ ...deal, ciphertexts, leaves, selfSeedCommitment: seedCommitment }, site)
  })
  expect(await runSession(federation)).toBeNull()
  expect(outcomeOf(federation)).toMatchObject({
    stage: 'aborted',
    reason: 'secret_mismatch',
    named: [dealer.spiffeId],
  })
})

test('a participant that complains about everybody is named, though the session completes', async () => {
  const federation = await openFederation({ size: 7, parameterCount: 16 })
  const complainer = [...federation.sites.values()][2]
  if (complainer === undefined) throw new Error('seven sites')
  await walkStage(federation)
  await walkStage(federation)
  const session = federation.coordinator
  if (session.stage !== 'mask-input' || complainer.session?.stage !== 'shared') throw new Error('stage 2')
  const { secrets, digests, ownIndex } = complainer.session
  for (const owner of [1, 2, 4]) {
    const ciphertextDigest = session.deals.get(owner)?.leaves[ownIndex - 1]?.ciphertextDigest ?? new Uint8Array(32)
    const signature = sign(secrets.signing, noShareStatement(digests, owner, ownIndex, ciphertextDigest))
    expect(deliver(federation, complainer, { kind: 'no-share', owner, ciphertextDigest, signature })).toBe(true)
  }
  const sum = await runSession(federation)
  expect(outcomeOf(federation)).toMatchObject({ stage: 'completed', named: [complainer.spiffeId] })
  expect(sum).toEqual(plaintextSum(federation, [1, 2, 3, 4, 5, 6, 7]))
})
