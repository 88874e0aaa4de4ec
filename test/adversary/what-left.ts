/**
 * What got out of a site: every message it sent and every fact it recorded, in the order in which it happened, searched for
 * what must not be among them. A test says how far the site may have gone when it was lied to; everything after that, any
 * secret in the clear, and both kinds of share of one owner make it fail.
 */
import { expect } from 'vitest'
import type { JournalFact } from '../../participant/protocol/journal.ts'
import type { AfterRevealShares, ParticipantSession } from '../../participant/protocol/session-state.ts'
import type { ParticipantMessage } from '../../shared/protocol/messages.ts'
import type { Site } from '../protocol/federation.ts'

/** One thing that a site did for others to see, or for itself to remember. */
export type Happening =
  | { readonly kind: 'recorded'; readonly fact: JournalFact }
  | { readonly kind: 'sent'; readonly message: ParticipantMessage }

/** A site whose every message and fact is kept as it was when it left. */
export interface WatchedSite extends Site {
  readonly history: Happening[]
}

/** The last thing that may have left, in the order of the protocol. */
export type Limit = 'nothing' | 'keys' | 'deal' | 'masked input' | 'attestation' | 'reveal'

/** What each step sends, and the facts that have to be recorded before any of it is sent. */
const STEPS: readonly {
  readonly limit: Limit
  readonly sends: readonly ParticipantMessage['kind'][]
  readonly records: readonly JournalFact['kind'][]
}[] = [
  { limit: 'nothing', sends: [], records: [] },
  { limit: 'keys', sends: ['advertise-keys'], records: ['session-opened'] },
  { limit: 'deal', sends: ['share-keys'], records: ['roster-accepted'] },
  { limit: 'masked input', sends: ['contribution'], records: ['shared-set-accepted', 'update-spent'] },
  { limit: 'attestation', sends: ['attest-survivors'], records: ['survivors-attested'] },
  { limit: 'reveal', sends: ['reveal-shares'], records: ['answered'] },
]

/** Everything a session keeps to itself. `kept` never leaves; of each pair at most one share does, and only in a reveal. */
export interface Holdings {
  readonly kept: readonly Uint8Array[]
  readonly revealable: readonly (readonly Uint8Array[])[]
}

/** Copies of the secrets a site holds now; take them before lying to it, for a refusal overwrites them. */
export function holdingsOf(site: Site): Holdings {
  return structuredClone(secretsIn(site.session))
}

/**
 * Asserts that the site refused with `code`, said so and nothing else, overwrote its secrets, and that nothing beyond `left`
 * ever left it.
 */
export function expectRefused(
  site: WatchedSite,
  expected: { readonly code: string; readonly left: Limit; readonly held: Holdings },
): void {
  expect(site.refusal?.code).toBe(expected.code)
  expect(site.session?.stage).toBe('ended')
  expect(site.sent.at(-1)).toMatchObject({ kind: 'withdraw', code: expected.code })
  expectLeft(site, expected.left, expected.held)
}

/** Asserts that nothing beyond `left` ever left the site, each thing once and after the facts that guard it. */
export function expectLeft(site: WatchedSite, left: Limit, held: Holdings = holdingsOf(site)): void {
  const allowed = STEPS.slice(0, STEPS.findIndex(({ limit }) => limit === left) + 1)
  const isPastMasking = allowed.some(({ limit }) => limit === 'masked input')
  const sends = new Set<string>(['withdraw', ...allowed.flatMap((step) => step.sends)])
  // A complaint names a ciphertext; it leaves before the first masked byte, under the same facts.
  if (isPastMasking) sends.add('no-share')
  const records = new Set<string>(['session-closed', ...allowed.flatMap((step) => step.records)])
  expect(site.history.map(nameOf).filter((name) => !sends.has(name) && !records.has(name))).toEqual([])
  if (!isPastMasking) expect(site.packed).toBeNull()
  expectGuarded(site)
  expectSaidOnce(site)
  expectOneKindEach([site])
  expectSecret(site, held, left === 'reveal')
}

/** Asserts that of no owner two kinds of share left these sites, all of them together, and nobody's own mask key share. */
export function expectOneKindEach(sites: Iterable<WatchedSite>): void {
  const kinds = new Map<number, Set<string>>()
  for (const site of sites) {
    for (const message of sentBy(site)) {
      if (message.kind !== 'reveal-shares') continue
      for (const { owner, kind } of message.shares) {
        if (kind !== 'none') kinds.set(owner, (kinds.get(owner) ?? new Set()).add(kind))
      }
      const own = indexOf(site)
      if (own !== null)
        expect(message.shares).not.toContainEqual(expect.objectContaining({ owner: own, kind: 'mask-key' }))
    }
  }
  expect([...kinds].filter(([, of]) => of.size > 1).map(([owner]) => owner)).toEqual([])
}

/** Every message the site ever sent, as it was when it left. */
export function sentBy(site: WatchedSite): readonly ParticipantMessage[] {
  return site.history.flatMap((one) => (one.kind === 'sent' ? [one.message] : []))
}

/** No message before the facts that guard it. */
function expectGuarded({ history }: WatchedSite): void {
  for (const { sends, records } of STEPS) {
    const first = history.findIndex((one) => one.kind === 'sent' && sends.includes(one.message.kind))
    if (first < 0) continue
    const before = history.slice(0, first).map(nameOf)
    expect(before).toEqual(expect.arrayContaining([...records]))
  }
  const complaint = history.findIndex((one) => nameOf(one) === 'no-share')
  if (complaint >= 0) expect(history.slice(0, complaint).map(nameOf)).toContain('shared-set-accepted')
}

/** Whatever is said again in a session is said in the same bytes; of facts each is recorded once. */
function expectSaidOnce(site: WatchedSite): void {
  for (const { sends } of STEPS) {
    const [first, ...again] = sentBy(site).filter(({ kind }) => sends.includes(kind))
    for (const message of again) expect(message).toEqual(first)
  }
  const facts = site.history.flatMap((one) => (one.kind === 'recorded' ? [one.fact.kind] : []))
  expect(facts).toEqual([...new Set(facts)])
}

function expectSecret(site: WatchedSite, held: Holdings, isRevealed: boolean): void {
  const shown = Buffer.concat([...bytesIn(site.history), site.packed ?? new Uint8Array(0)])
  const isShown = (secret: Uint8Array) => shown.includes(Buffer.from(secret))
  expect(held.kept.filter(isShown)).toEqual([])
  const mostOfEach = isRevealed ? 1 : 0
  expect(held.revealable.filter((shares) => shares.filter(isShown).length > mostOfEach)).toEqual([])
}

/** Fields of a session in which no secret stands; whatever is in none of them counts as one. */
const PUBLIC: ReadonlySet<string> = new Set<keyof AfterRevealShares>([
  'stage',
  'setup',
  'advertisement',
  'ownIndex',
  'lines',
  'neighbours',
  'digests',
  'parameters',
  'graph',
  'deal',
  'shared',
  'complaints',
  'contribution',
  'acknowledged',
  'survivors',
  'attestation',
  'requestDigest',
  'reply',
])

function secretsIn(session: ParticipantSession | null): Holdings {
  if (session === null || session.stage === 'ended') return { kept: [], revealable: [] }
  const { channel, mask, signing } = session.secrets
  const keys = [channel.secretKey, mask.secretKey, signing.secretKey]
  const revealed: ReadonlySet<string> = new Set(['secrets', 'held', 'ownSelfShare'])
  const others = Object.entries(session).filter(([name]) => !PUBLIC.has(name) && !revealed.has(name))
  const kept = [...keys, ...bytesIn(others.map(([, value]) => value))].filter((secret) =>
    secret.some((byte) => byte > 0),
  )
  const own = 'ownSelfShare' in session ? [[session.ownSelfShare]] : []
  const held = 'held' in session ? [...session.held.values()] : []
  const pairs = held.flatMap((pair) => (pair === null ? [] : [[pair.selfSeedShare, pair.maskKeyShare]]))
  return { kept, revealable: [...own, ...pairs] }
}

/** All bytes anywhere in a value. */
function bytesIn(value: unknown): Uint8Array[] {
  if (value instanceof Uint8Array) return [value]
  if (value === null || typeof value !== 'object') return []
  return (value instanceof Map ? [...value.values()] : Object.values(value)).flatMap(bytesIn)
}

function nameOf(one: Happening): string {
  return one.kind === 'sent' ? one.message.kind : one.fact.kind
}

/** The roster index under which the site dealt. */
function indexOf(site: WatchedSite): number | null {
  const deal = sentBy(site).find((message) => message.kind === 'share-keys')
  return deal?.kind === 'share-keys' ? deal.deal.owner : null
}
