/** The searcher of this folder finds what it is there to find: an honest session is let off, each leak in it is not. */
import { beforeAll, expect, test } from 'vitest'
import type { ParticipantMessage } from '../../shared/protocol/messages.ts'
import { NOW_MS, tell } from '../protocol/federation.ts'
import { makeIdentities } from '../protocol/identities.ts'
import { type RecordedSession, recordSession, siteAt, truthFor } from './recorded-session.ts'
import {
  expectLeft,
  expectOneKindEach,
  expectRefused,
  type Holdings,
  holdingsOf,
  type WatchedSite,
} from './what-left.ts'

let recorded: RecordedSession
beforeAll(async () => {
  const lost = { up: ({ kind }: ParticipantMessage, from: string) => kind !== 'contribution' || !from.endsWith('005') }
  recorded = await recordSession({ size: 5, identities: await makeIdentities(5, NOW_MS) }, { weather: lost })
})

/** A site that has revealed, and its secrets. */
async function revealed() {
  const federation = recorded.at('reveal-shares')
  const site = siteAt(federation, 2)
  await tell(federation, site, truthFor(federation, site, 'reveal-shares'))
  return { site, held: holdingsOf(site) }
}
const say = (site: WatchedSite, message: ParticipantMessage) => void site.history.push({ kind: 'sent', message })
const shownIn = (share: Uint8Array | undefined): ParticipantMessage => {
  return { kind: 'contribution', digest: share ?? new Uint8Array(0), signature: new Uint8Array(64) }
}

test('an honest site has let out what it should', async () => {
  const { site, held } = await revealed()
  expectLeft(site, 'reveal', held)
  expect(held.kept.length).toBeGreaterThanOrEqual(4)
  expect(held.revealable).toHaveLength(5)
})

const leaks: readonly [string, (site: WatchedSite, held: Holdings) => void][] = [
  ['one of its keys in a message', (site, held) => say(site, shownIn(held.kept[1]))],
  [
    'its self mask seed in a fact',
    (site, held) => {
      const sessionId = held.kept[3] ?? new Uint8Array(0)
      site.history.push({ kind: 'recorded', fact: { kind: 'session-closed', sessionId } })
    },
  ],
  [
    'the other share of an owner',
    (site, held) => {
      for (const share of held.revealable[3] ?? [])
        say(site, { kind: 'no-share', owner: 1, ciphertextDigest: share, signature: share })
    },
  ],
  [
    'both kinds of one owner in reveals',
    (site) => {
      const share = new Uint8Array(32)
      say(site, { kind: 'reveal-shares', shares: [{ owner: 5, kind: 'self-mask-seed', share }] })
    },
  ],
  [
    'a share of its own mask key',
    (site) => {
      say(site, { kind: 'reveal-shares', shares: [{ owner: 2, kind: 'mask-key', share: new Uint8Array(32) }] })
    },
  ],
  ['a second masked input', (site) => say(site, shownIn(new Uint8Array(32)))],
  [
    'a second fact of a kind',
    (site) => {
      site.history.push({
        kind: 'recorded',
        fact: { kind: 'survivors-attested', sessionId: new Uint8Array(16), survivors: new Uint8Array(1) },
      })
    },
  ],
  [
    'a deal before its roster was recorded',
    (site) => {
      const at = site.history.findIndex((one) => one.kind === 'recorded' && one.fact.kind === 'roster-accepted')
      site.history.push(...site.history.splice(at, 1))
    },
  ],
]
test.each(leaks)('%s is found', async (_, leak) => {
  const { site, held } = await revealed()
  leak(site, held)
  expect(() => expectLeft(site, 'reveal', held)).toThrow()
})

test('whatever is beyond the limit is found', async () => {
  const { site, held } = await revealed()
  for (const left of ['nothing', 'keys', 'deal', 'masked input', 'attestation'] as const) {
    expect(() => expectLeft(site, left, held)).toThrow()
  }
  expect(() => expectRefused(site, { code: 'malformed', left: 'reveal', held })).toThrow()
})

test('two kinds of one owner are found among all sites together', async () => {
  const [one, other] = [(await revealed()).site, (await revealed()).site]
  expectOneKindEach([one, other])
  say(other, { kind: 'reveal-shares', shares: [{ owner: 5, kind: 'self-mask-seed', share: new Uint8Array(32) }] })
  expect(() => expectOneKindEach([one, other])).toThrow()
})
