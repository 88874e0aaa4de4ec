/**
 * The row "participant uses someone else's index or SPIFFE ID". The sender is the SPIFFE ID of the mTLS connection and never a
 * field; a colluder sends, over its own connection, whatever another would send: its message, its index, its signatures.
 */
import { status } from '@grpc/grpc-js'
import { beforeAll, describe, expect, test } from 'vitest'
import { type ReceivedMessage, receive } from '../../coordinator/protocol/session.ts'
import { sign } from '../../shared/crypto/signatures.ts'
import { contributionStatement, noShareStatement } from '../../shared/protocol/statements.ts'
import { refusalToStatus } from '../../shared/wire/status.ts'
import { NOW_MS } from '../protocol/federation.ts'
import { type Identities, makeIdentities } from '../protocol/identities.ts'
import { entryBy } from './false-rosters.ts'
import { coordinatorAt, type RecordedSession, recordSession, STAGES, type Stage, siteAt } from './recorded-session.ts'
import { sentBy, type WatchedSite } from './what-left.ts'

const [SIZE, HONEST, COLLUDER] = [5, 2, 4]
let identities: Identities
let recorded: RecordedSession
beforeAll(async () => {
  identities = await makeIdentities(SIZE + 1, NOW_MS)
  recorded = await recordSession({ size: SIZE, identities: { ...identities, sites: identities.sites.slice(0, SIZE) } })
}, 240_000)

/** What the coordinator's core answers when this comes over the connection of `from`; a refusal must change nothing. */
function refusal(stage: Stage, from: string, message: ReceivedMessage): string {
  const { coordinator } = recorded.at(stage)
  const { session, outcome, effects } = receive(coordinator, from, message, {
    nowMs: NOW_MS,
    bundle: identities.bundle,
  })
  if (outcome.kind !== 'rejected') return outcome.kind
  if (outcome.code !== 'share_off_commitment') expect(session).toBe(coordinator)
  expect(effects).toEqual([])
  return outcome.code
}

/** What the site sent in the stage, as it will be found in the state after it. */
function saidIn(stage: Stage, index: number): ReceivedMessage {
  const next = STAGES[STAGES.indexOf(stage) + 1]
  const kind = stage === 'mask-input' ? 'contribution' : stage
  const said = sentBy(siteAt(recorded.at(next ?? stage), index)).find((message) => message.kind === kind)
  if (said === undefined) throw new Error(`${kind} was said`)
  return said.kind === 'contribution' ? { ...said, receivedDigest: said.digest } : said
}

const idOf = (index: number) => identities.sites[index - 1]?.spiffeId ?? ''

describe('what another sent, over the colluder’s own connection', () => {
  test.each([
    ['advertise-keys', 'identity_mismatch'],
    ['share-keys', 'identity_mismatch'],
    ['mask-input', 'bad_signature'],
    ['attest-survivors', 'bad_signature'],
  ] as const)('in %s', (stage, code) => {
    expect(refusal(stage, idOf(COLLUDER), saidIn(stage, HONEST))).toBe(code)
  })
})

describe('in another’s name', () => {
  test('keys of its own', () => {
    const digest = recorded.at('advertise-keys').coordinator.setup.contextDigest
    const colluder = identities.sites[COLLUDER - 1] as Identities['sites'][number]
    const entry = entryBy(colluder, digest, { spiffeId: idOf(HONEST) })
    expect(refusal('advertise-keys', idOf(COLLUDER), { kind: 'advertise-keys', entry })).toBe('identity_mismatch')
    // Under its own name, with the other's certificate.
    const [leaf] = [identities.sites[HONEST - 1]?.certificateChain ?? []]
    const borrowed = entryBy(colluder, digest, { certificateChain: leaf })
    expect(refusal('advertise-keys', idOf(COLLUDER), { kind: 'advertise-keys', entry: borrowed })).toBe(
      'identity_mismatch',
    )
  })
  test('its own deal under the other’s index', () => {
    const honest = saidIn('share-keys', COLLUDER)
    if (honest.kind !== 'share-keys') throw new Error('a deal')
    const deal = { ...honest.deal, owner: HONEST }
    expect(refusal('share-keys', idOf(COLLUDER), { kind: 'share-keys', deal })).toBe('identity_mismatch')
  })
  test('a complaint that the other never made', () => {
    const { deals, roster } = coordinatorAt(recorded.at('mask-input'), 'mask-input')
    const ciphertextDigest = deals.get(1)?.leaves[COLLUDER - 1]?.ciphertextDigest ?? new Uint8Array(32)
    const signature = signedBy(COLLUDER, noShareStatement(roster.digests, 1, HONEST, ciphertextDigest))
    const complaint = { kind: 'no-share', owner: 1, ciphertextDigest, signature } as const
    expect(refusal('mask-input', idOf(COLLUDER), complaint)).toBe('bad_signature')
  })
  test('a masked input signed by the wrong one', () => {
    const { roster } = coordinatorAt(recorded.at('mask-input'), 'mask-input')
    const digest = new Uint8Array(32).fill(1)
    const signature = signedBy(COLLUDER, contributionStatement(roster.digests, digest))
    const message = { kind: 'contribution', digest, receivedDigest: digest, signature } as const
    expect(refusal('mask-input', idOf(HONEST), message)).toBe('bad_signature')
  })
})

test('who is not part of the session is denied permission, whatever it says', () => {
  const stranger = idOf(SIZE + 1)
  for (const stage of STAGES.slice(0, 4)) {
    expect(refusal(stage, stranger, saidIn(stage, HONEST))).toBe('unknown_participant')
  }
  for (const code of ['identity_mismatch', 'unknown_participant']) {
    expect(refusalToStatus(code, '').code).toBe(status.PERMISSION_DENIED)
  }
})

function signedBy(index: number, statement: Uint8Array): Uint8Array {
  const { session }: WatchedSite = siteAt(recorded.at('mask-input'), index)
  if (session === null || session.stage === 'ended') throw new Error('the site is in the session')
  return sign(session.secrets.signing, statement)
}
