/**
 * What a participant sends again: the same bytes are the same message, in its stage and later; any other bytes in its place
 * are refused, whatever it is that differs, and change nothing.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import type { ReceivedMessage } from '../../../coordinator/protocol/session.ts'
import type { CoordinatorSession } from '../../../coordinator/protocol/session-state.ts'
import type { Reveal } from '../../../shared/protocol/reveal.ts'
import { NOW_MS, walkStage } from '../../protocol/federation.ts'
import { type Identities, makeIdentities } from '../../protocol/identities.ts'
import { answer, answered, flip, SIZE, saidBy, send } from './at-stage.ts'

let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
})

type Kind = 'advertise-keys' | 'share-keys' | 'contribution' | 'attest-survivors' | 'reveal-shares'
type Of<K extends Kind> = Extract<ReceivedMessage, { kind: K }>
type Changes<K extends Kind> = Readonly<Record<string, (honest: Of<K>) => Of<K>>>

/** Asks in the stage of the message and, where there is one, in the stage after it. */
function repeats<K extends Kind>(stage: CoordinatorSession['stage'], kind: K, changes: Changes<K>) {
  describe(kind, () => {
    test('the same bytes, at once and a stage later', async () => {
      const { federation, sites } = await answered(stage, identities)
      const { spiffeId } = sites[2]
      const honest = saidBy(sites[2], kind)
      expect(send(federation, spiffeId, honest)).toBe('repeated')
      if (kind === 'reveal-shares') return
      await walkStage(federation)
      await answer(federation)
      expect(send(federation, spiffeId, honest)).toBe('repeated')
    })
    for (const [name, change] of Object.entries(changes)) {
      test(name, async () => {
        const { federation, sites, session } = await answered(stage, identities)
        const other = change(structuredClone(saidBy(sites[2], kind)))
        expect(send(federation, sites[2].spiffeId, other)).toBe('conflicting_repeat')
        expect(federation.coordinator).toBe(session)
      })
    }
  })
}

repeats('advertise-keys', 'advertise-keys', {
  'at another time': (m) => ({ ...m, entry: { ...m.entry, advertisedAtMs: m.entry.advertisedAtMs + 1 } }),
})

repeats('share-keys', 'share-keys', {
  'another signature': (m) => ({ ...m, deal: { ...m.deal, signature: flip(m.deal.signature) } }),
  'another seed commitment': (m) => ({
    ...m,
    deal: { ...m.deal, selfSeedCommitment: flip(m.deal.selfSeedCommitment) },
  }),
  'another leaf': (m) => ({
    ...m,
    deal: { ...m.deal, leaves: m.deal.leaves.map((l) => ({ ...l, ciphertextDigest: flip(l.ciphertextDigest) })) },
  }),
})

repeats('mask-input', 'contribution', {
  'another digest': (m) => ({ ...m, digest: flip(m.digest) }),
  'another signature': (m) => ({ ...m, signature: flip(m.signature) }),
})

repeats('attest-survivors', 'attest-survivors', {
  'another signature': (m) => ({ ...m, signature: flip(m.signature) }),
})

const first = (m: Of<'reveal-shares'>, change: (share: Reveal[number]) => Reveal[number]): Of<'reveal-shares'> => ({
  ...m,
  shares: m.shares.map((share, place) => (place === 0 ? change(share) : share)),
})
repeats('reveal-shares', 'reveal-shares', {
  'another share': (m) => first(m, (s) => (s.kind === 'none' ? s : { ...s, share: flip(s.share) })),
  'a share that is none any more': (m) => first(m, ({ owner }) => ({ owner, kind: 'none' })),
  'a share of the other kind': (m) => first(m, (s) => (s.kind === 'none' ? s : { ...s, kind: 'mask-key' })),
  'another owner': (m) => first(m, (s) => ({ ...s, owner: SIZE })),
  'an owner less': (m) => ({ ...m, shares: m.shares.slice(1) }),
})

test('withdrawing twice is withdrawing once', async () => {
  const { federation, sites } = await answered('share-keys', identities)
  const withdraw = { kind: 'withdraw', code: 'left', message: '' } as const
  expect(send(federation, sites[2].spiffeId, withdraw)).toBe('accepted')
  expect(send(federation, sites[2].spiffeId, withdraw)).toBe('repeated')
})
