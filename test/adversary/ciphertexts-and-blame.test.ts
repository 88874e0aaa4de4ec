/**
 * Lies about what was dealt. Rows of the threat model: share ciphertexts swapped, dropped or reordered by the coordinator,
 * alone or with a dealer's help; a dealer of garbage; and shares revealed off their commitments. What does not open changes
 * neither U2 nor the masks, its holder has no share and says so; only those are named whom the signatures convict.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { closeStage, isLive, receive } from '../../coordinator/protocol/session.ts'
import { obey } from '../../participant/protocol/session.ts'
import { sha256 } from '../../shared/crypto/digest.ts'
import { sign } from '../../shared/crypto/signatures.ts'
import { type Deal, type DealForHolder, dealFor, dealRoot, dealStatement } from '../../shared/protocol/deal.ts'
import type { Instruction } from '../../shared/protocol/messages.ts'
import type { Reveal, RevealedShare } from '../../shared/protocol/reveal.ts'
import { systemRng } from '../../shared/random.ts'
import { deliver, environmentOf, NOW_MS, outcomeOf, plaintextSum, runSession, tell } from '../protocol/federation.ts'
import { type Identities, makeIdentities } from '../protocol/identities.ts'
import {
  coordinatorAt,
  copyOf,
  GRAPHS,
  type RecordedSession,
  recordSession,
  siteAt,
  truthFor,
  type Watched,
} from './recorded-session.ts'
import { expectLeft, expectOneKindEach, expectRefused, holdingsOf, sentBy, type WatchedSite } from './what-left.ts'

type Shared = Extract<Instruction, { kind: 'mask-input' }>

const VICTIM = 3
let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(70, NOW_MS)
}, 240_000)

/** The deal with other ciphertexts, signed anew by its dealer, who helps the coordinator or is the attacker. */
function redealt(dealer: WatchedSite, ciphertextFor: (holder: number, honest: Uint8Array) => Uint8Array): Deal {
  const { session } = dealer
  if (session === null || session.stage === 'ended' || session.stage === 'advertised') throw new Error('no deal')
  const { deal, secrets, digests } = session
  const ciphertexts = deal.ciphertexts.map(({ holder, ciphertext }) => ({
    holder,
    ciphertext: ciphertextFor(holder, ciphertext),
  }))
  const leaves = deal.leaves.map((leaf) => {
    const sealed = ciphertexts.find(({ holder }) => holder === leaf.holder)
    return sealed === undefined ? leaf : { ...leaf, ciphertextDigest: sha256(sealed.ciphertext) }
  })
  const statement = dealStatement(digests, deal.owner, deal.selfSeedCommitment, dealRoot(leaves))
  return { ...deal, ciphertexts, leaves, signature: sign(secrets.signing, statement) }
}

describe.each(GRAPHS)('on the $name', ({ options }) => {
  let recorded: RecordedSession
  beforeAll(async () => {
    const sites = identities.sites.slice(0, options.size)
    recorded = await recordSession({ ...options, identities: { ...identities, sites } }, { last: 'mask-input' })
  }, 480_000)

  describe('coordinator swaps, drops or reorders share ciphertexts', () => {
    async function refuses(code: string, lie: (truth: Shared, federation: Watched) => Shared) {
      const federation = recorded.at('mask-input')
      const victim = siteAt(federation, VICTIM)
      const held = holdingsOf(victim)
      await tell(federation, victim, lie(truthFor(federation, victim, 'mask-input'), federation))
      expectRefused(victim, { code, left: 'deal', held })
      expect(victim.session?.stage).toBe('ended')
    }
    const withFirst = (
      truth: Shared,
      change: (first: DealForHolder, second: DealForHolder) => DealForHolder,
    ): Shared => {
      const [first, second, ...others] = truth.deals as [DealForHolder, DealForHolder]
      return { ...truth, deals: [change(first, second), second, ...others] }
    }

    test('two swapped', () =>
      refuses('bad_signature', (truth) =>
        withFirst(truth, (first, second) => ({ ...first, ciphertext: second.ciphertext })),
      ))
    test('the one for another holder in the place of the victim’s', () =>
      refuses('bad_signature', (truth, federation) =>
        withFirst(truth, (first) => {
          const deal = coordinatorAt(federation, 'mask-input').deals.get(first.owner)
          const others = deal?.ciphertexts.filter(({ holder }) => holder !== VICTIM) ?? []
          const part = deal === undefined ? null : dealFor(deal, others[0]?.holder ?? 0)
          if (part === null) throw new Error('everybody deals to several')
          return part
        }),
      ))
    test('one bit changed', () =>
      refuses('bad_signature', (truth) =>
        withFirst(truth, (first) => {
          const ciphertext = first.ciphertext.slice()
          ciphertext[60] = (ciphertext[60] ?? 0) ^ 1
          const leaf = { ...first.leaf, ciphertextDigest: sha256(ciphertext) }
          return { ...first, ciphertext, leaf }
        }),
      ))
    test('one dropped', () => refuses('ciphertexts_disagree', (truth) => ({ ...truth, deals: truth.deals.slice(1) })))
    test('one twice', () => refuses('ciphertexts_disagree', (truth) => withFirst(truth, (_, second) => second)))
    test('reordered', () =>
      refuses('ciphertexts_disagree', (truth) => ({ ...truth, deals: [...truth.deals].reverse() })))

    /** A dealer helps: it signs whatever ciphertexts the coordinator wants in its deal. */
    const helped: readonly [string, (federation: Watched, dealer: number) => Uint8Array][] = [
      ['noise', () => systemRng(104)],
      [
        'what it sealed for somebody else',
        (federation, dealer) => {
          const deal = coordinatorAt(federation, 'mask-input').deals.get(dealer)
          return deal?.ciphertexts.find(({ holder }) => holder !== VICTIM)?.ciphertext ?? new Uint8Array(104)
        },
      ],
      [
        'what the victim sealed for it',
        (federation, dealer) => {
          const deal = coordinatorAt(federation, 'mask-input').deals.get(VICTIM)
          return deal?.ciphertexts.find(({ holder }) => holder === dealer)?.ciphertext ?? new Uint8Array(104)
        },
      ],
    ]
    test.each(helped)(
      'a dealer signs %s: no share is held, the victim says so and masks all the same',
      async (_, made) => {
        const federation = recorded.at('mask-input')
        const victim = siteAt(federation, VICTIM)
        const held = holdingsOf(victim)
        const truth = truthFor(federation, victim, 'mask-input')
        const dealer = truth.deals[0]?.owner ?? 0
        const ciphertext = made(federation, dealer)
        const deal = redealt(siteAt(federation, dealer), (holder, honest) => (holder === VICTIM ? ciphertext : honest))
        const part = dealFor(deal, VICTIM)
        const lie = withFirst(truth, () => part as DealForHolder)
        const twin = siteAt(copyOf(federation), VICTIM)
        if (twin.session === null) throw new Error('the victim has dealt')
        const { session, effects } = obey(twin.session, lie, environmentOf(federation, twin))
        // The complaint comes after U2 is recorded and before anything is masked; the mask of the pair is put on.
        expect(
          effects.map((one) =>
            one.kind === 'record' ? one.fact.kind : one.kind === 'send' ? one.message.kind : one.kind,
          ),
        ).toEqual(['shared-set-accepted', 'no-share', 'update-spent', 'mask'])
        const mask = effects.find(({ kind }) => kind === 'mask')
        expect(mask?.kind === 'mask' ? mask.masks.length : 0).toBe(truth.deals.length + 1)
        expect(session.stage === 'masked' ? session.held.get(dealer) : undefined).toBeNull()
        await tell(federation, victim, lie)
        expect(sentBy(victim).filter(({ kind }) => kind === 'no-share')).toMatchObject([{ owner: dealer }])
        expectLeft(victim, 'masked input', held)
      },
    )
  })

  test('participant deals garbage to everybody: the session aborts, only the dealer is named, no share of anybody leaves', async () => {
    const federation = recorded.at('mask-input')
    const [dealer, { deals }] = [siteAt(federation, VICTIM), coordinatorAt(federation, 'mask-input')]
    // Stage 1 again, in which everybody but the dealer has dealt as recorded.
    const open = coordinatorAt(recorded.at('share-keys'), 'share-keys')
    federation.coordinator = { ...open, deals: deals.remove(VICTIM) }
    expect(deliver(federation, dealer, { kind: 'share-keys', deal: redealt(dealer, () => systemRng(104)) })).toBe(true)
    if (isLive(federation.coordinator)) federation.coordinator = closeStage(federation.coordinator)
    const others = [...federation.sites.values()].filter((site) => site !== dealer)
    for (const site of others) {
      if (federation.coordinator.stage !== 'mask-input') break
      await tell(federation, site, truthFor(federation, site, 'mask-input'))
    }
    const named = [dealer.spiffeId]
    expect(outcomeOf(federation)).toMatchObject({ stage: 'aborted', reason: 'too_many_complaints', named })
    expect(others.some((site) => sentBy(site).some(({ kind }) => kind === 'no-share'))).toBe(true)
    for (const site of others) expectLeft(site, site.packed === null ? 'deal' : 'masked input')
  })
})

describe('participant reveals a share off its commitment', () => {
  let recorded: RecordedSession
  beforeAll(async () => {
    recorded = await recordSession({ size: 10, gammaPpm: 100_000, identities: ten() })
  }, 240_000)
  const ten = () => ({ ...identities, sites: identities.sites.slice(0, 10) })
  const flip = (share: RevealedShare, at: number): RevealedShare => {
    if (share.kind === 'none') return share
    return { ...share, share: share.share.map((byte, place) => (place === at ? byte ^ 1 : byte)) }
  }

  test.each([
    ['one bit of one share', (shares: Reveal) => shares.map((share, place) => (place === 4 ? flip(share, 31) : share))],
    ['every share', (shares: Reveal) => shares.map((share) => flip(share, 0))],
    [
      'one owner’s share as another’s',
      (shares: Reveal) =>
        shares.map((share, place) => ({ ...(shares[(place + 1) % shares.length] ?? share), owner: share.owner })),
    ],
  ])('%s: the holder is named, nobody else, and the sum is exact', async (_, change) => {
    const federation = recorded.at('reveal-shares')
    const holder = siteAt(federation, VICTIM)
    const asked = recorded.at('reveal-shares')
    await tell(asked, siteAt(asked, VICTIM), truthFor(asked, siteAt(asked, VICTIM), 'reveal-shares'))
    const honest = sentBy(siteAt(asked, VICTIM)).find((message) => message.kind === 'reveal-shares')
    if (honest?.kind !== 'reveal-shares') throw new Error('the holder reveals')
    expect(deliver(federation, holder, { kind: 'reveal-shares', shares: change(honest.shares) })).toBe(false)
    // From then on it is not heard any more, not even with the truth.
    expect(deliver(federation, holder, honest)).toBe(false)
    const sum = await runSession(federation)
    expect(outcomeOf(federation)).toMatchObject({ stage: 'completed', named: [holder.spiffeId] })
    expect(sum).toEqual(plaintextSum(federation, outcomeOf(federation).survivors))
    expectOneKindEach(federation.sites.values())
  })

  test('of the kind that was not asked for: refused, and nobody has to be named', async () => {
    const federation = recorded.at('reveal-shares')
    const holder = siteAt(federation, VICTIM)
    if (holder.session?.stage !== 'attested') throw new Error('stage 4')
    const both = [...holder.session.held].map(([owner, pair]): RevealedShare => {
      return { owner, kind: 'mask-key', share: pair?.maskKeyShare ?? new Uint8Array(32) }
    })
    const own: RevealedShare = { owner: VICTIM, kind: 'self-mask-seed', share: holder.session.ownSelfShare }
    const shares = [...both, own].sort((a, b) => a.owner - b.owner)
    const received = receive(federation.coordinator, holder.spiffeId, { kind: 'reveal-shares', shares }, environment())
    expect(received.outcome).toMatchObject({ kind: 'rejected', code: 'unexpected_share' })
    expect(received.session).toBe(federation.coordinator)
  })
  const environment = () => ({ nowMs: NOW_MS, bundle: identities.bundle })
})
