/**
 * Every check of the coordinator's core, one faulty participant each: the message is rejected with the named code, the
 * faulty one becomes a dropout (or is named), and the others finish with the exact sum.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { awaited, closeStage, isLive, type ReceivedMessage, receive } from '../../../coordinator/protocol/session.ts'
import type { LiveSession } from '../../../coordinator/protocol/session-state.ts'
import { generateSigningKey, sign } from '../../../shared/crypto/signatures.ts'
import { dealRoot, dealStatement } from '../../../shared/protocol/deal.ts'
import type { ParticipantMessage } from '../../../shared/protocol/messages.ts'
import { advertiseStatement } from '../../../shared/protocol/roster.ts'
import { contributionStatement, noShareStatement } from '../../../shared/protocol/statements.ts'
import {
  type Federation,
  NOW_MS,
  openFederation,
  plaintextSum,
  runSession,
  type Site,
  walkStage,
} from '../../protocol/federation.ts'
import { type Identities, makeIdentities } from '../../protocol/identities.ts'

const SIZE = 5
let identities: Identities
let strangers: Identities
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
  strangers = await makeIdentities(SIZE, NOW_MS)
})

type Kind = ReceivedMessage['kind']
type Of<K extends Kind> = Extract<ReceivedMessage, { kind: K }>

/** Walks to the stage in which `kind` is sent, and returns the third site with the honest message it would send. */
async function upTo<K extends Kind>(kind: K) {
  const federation = await openFederation({ size: SIZE, identities, parameterCount: 16 })
  const culprit = [...federation.sites.values()][2]
  if (culprit === undefined) throw new Error('five sites')
  let honest: ParticipantMessage | null = null
  const up = (message: ParticipantMessage, from: string) => {
    if (from === culprit.spiffeId && message.kind === kind) honest = message
    return !(from === culprit.spiffeId && message.kind === kind)
  }
  // Everybody else answers the stage; it stays open until the caller closes it.
  while (honest === null && isLive(federation.coordinator)) {
    const before = federation.coordinator
    await walkStage(federation, { up })
    if (honest !== null) federation.coordinator = await reopened(federation, before, culprit, kind)
  }
  if (honest === null) throw new Error(`no ${kind} was sent`)
  return { federation, culprit, honest: honest as unknown as Of<K> }
}

/** The state of the stage before it was closed, with all the others' answers. */
async function reopened(federation: Federation, before: typeof federation.coordinator, culprit: Site, kind: Kind) {
  let session = before
  for (const site of federation.sites.values()) {
    if (site.spiffeId === culprit.spiffeId) continue
    const message = site.sent.findLast((sent) => sent.kind === kind)
    if (message === undefined) continue
    const received = message.kind === 'contribution' ? { ...message, receivedDigest: message.digest } : message
    session = receive(session, site.spiffeId, received, environment(federation)).session
  }
  return session
}

const environment = (federation: Federation) => ({ nowMs: NOW_MS, bundle: federation.identities.bundle })

function send(federation: Federation, from: string, message: ReceivedMessage) {
  const result = receive(federation.coordinator, from, message, environment(federation))
  federation.coordinator = result.session
  return result.outcome.kind === 'rejected' ? result.outcome.code : result.outcome.repeated ? 'repeated' : 'accepted'
}

async function othersFinish(federation: Federation) {
  federation.coordinator = closeStage(federation.coordinator as LiveSession)
  const sum = await runSession(federation)
  expect(federation.coordinator.stage).toBe('completed')
  if (federation.coordinator.stage !== 'completed') return
  expect(sum).toEqual(plaintextSum(federation, federation.coordinator.survivors))
}

const flip = (bytes: Uint8Array) => {
  const copy = bytes.slice()
  copy[0] = (copy[0] ?? 0) ^ 1
  return copy
}

describe('stage 0', () => {
  const cases: readonly [string, string, (m: Of<'advertise-keys'>['entry']) => object][] = [
    ['an entry for somebody else', 'identity_mismatch', () => ({ spiffeId: 'spiffe://test.example/site/001' })],
    ['a small-order key', 'unacceptable_key', () => ({ channelKey: new Uint8Array(32) })],
    ['one key for two purposes', 'key_reused', (e) => ({ channelKey: e.maskKey })],
    ['keys that it did not sign', 'bad_signature', (e) => ({ maskKey: flip(e.maskKey) })],
    [
      'a certificate of another authority',
      'certificate_refused',
      () => ({ certificateChain: strangers.sites[2]?.certificateChain }),
    ],
    [
      "somebody else's certificate",
      'identity_mismatch',
      () => ({ certificateChain: identities.sites[1]?.certificateChain }),
    ],
    ['a clock an hour off', 'advertised_too_early_or_late', (e) => ({ advertisedAtMs: e.advertisedAtMs + 3_600_000 })],
  ]
  for (const [name, code, change] of cases) {
    test(name, async () => {
      const { federation, culprit, honest } = await upTo('advertise-keys')
      const message = { ...honest, entry: { ...honest.entry, ...change(honest.entry) } }
      expect(send(federation, culprit.spiffeId, message)).toBe(code)
      expect([...awaited(federation.coordinator)]).toEqual([culprit.spiffeId])
      await othersFinish(federation)
    })
  }

  test('a key that somebody else has advertised, properly signed', async () => {
    const { federation, culprit, honest } = await upTo('advertise-keys')
    if (federation.coordinator.stage !== 'advertise-keys') throw new Error('stage 0')
    const [other] = federation.coordinator.entries.values()
    const identity = identities.sites.find(({ spiffeId }) => spiffeId === culprit.spiffeId)
    if (other === undefined || identity === undefined) throw new Error('five sites')
    const entry = { ...honest.entry, maskKey: other.maskKey }
    const { contextDigest } = federation.coordinator.setup
    const signature = identity.signWithCertificate(advertiseStatement(contextDigest, entry))
    expect(send(federation, culprit.spiffeId, { ...honest, entry: { ...entry, signature } })).toBe('key_reused')
  })

  test('an identity that was not asked', async () => {
    const { federation, honest } = await upTo('advertise-keys')
    expect(send(federation, 'spiffe://test.example/site/999', honest)).toBe('unknown_participant')
  })

  test('one identity twice: the same bytes repeat, other bytes are refused', async () => {
    const { federation, culprit, honest } = await upTo('advertise-keys')
    expect(send(federation, culprit.spiffeId, honest)).toBe('accepted')
    expect(send(federation, culprit.spiffeId, honest)).toBe('repeated')
    const other = { ...honest, entry: { ...honest.entry, advertisedAtMs: honest.entry.advertisedAtMs + 1 } }
    expect(send(federation, culprit.spiffeId, other)).toBe('conflicting_repeat')
  })

  test('keys that come after the roster is fixed', async () => {
    const { federation, culprit, honest } = await upTo('advertise-keys')
    federation.coordinator = closeStage(federation.coordinator as LiveSession)
    expect(send(federation, culprit.spiffeId, honest)).toBe('late')
  })
})

describe('stage 1', () => {
  const cases: readonly [string, string, (deal: Of<'share-keys'>['deal']) => object][] = [
    ['a deal in the name of another', 'identity_mismatch', () => ({ owner: 1 })],
    ['a holder is left out', 'malformed', (d) => ({ leaves: d.leaves.slice(1) })],
    ['a ciphertext is left out', 'malformed', (d) => ({ ciphertexts: d.ciphertexts.slice(1) })],
    [
      'a ciphertext is too long',
      'malformed',
      (d) => ({ ciphertexts: d.ciphertexts.map((c) => ({ ...c, ciphertext: new Uint8Array(105) })) }),
    ],
    [
      'a ciphertext off its leaf',
      'digest_mismatch',
      (d) => ({ ciphertexts: d.ciphertexts.map((c) => ({ ...c, ciphertext: flip(c.ciphertext) })) }),
    ],
    [
      'another seed commitment than signed',
      'bad_signature',
      (d) => ({ selfSeedCommitment: flip(d.selfSeedCommitment) }),
    ],
  ]
  for (const [name, code, change] of cases) {
    test(name, async () => {
      const { federation, culprit, honest } = await upTo('share-keys')
      expect(send(federation, culprit.spiffeId, { ...honest, deal: { ...honest.deal, ...change(honest.deal) } })).toBe(
        code,
      )
      await othersFinish(federation)
    })
  }
})

test('a seed commitment that is no digest, properly signed', async () => {
  const { federation, culprit, honest } = await upTo('share-keys')
  if (culprit.session?.stage !== 'shared') throw new Error('stage 1')
  const { secrets, digests } = culprit.session
  const selfSeedCommitment = new Uint8Array(31)
  const { owner, leaves } = honest.deal
  const signature = sign(secrets.signing, dealStatement(digests, owner, selfSeedCommitment, dealRoot(leaves)))
  const deal = { ...honest.deal, selfSeedCommitment, signature }
  expect(send(federation, culprit.spiffeId, { ...honest, deal })).toBe('malformed')
})

describe('stage 2', () => {
  test('bytes that are not those signed', async () => {
    const { federation, culprit, honest } = await upTo('contribution')
    const message = { ...honest, receivedDigest: flip(honest.digest) }
    expect(send(federation, culprit.spiffeId, message)).toBe('digest_mismatch')
    await othersFinish(federation)
  })

  test('a receipt signed by another key', async () => {
    const { federation, culprit, honest } = await upTo('contribution')
    if (!('roster' in federation.coordinator)) throw new Error('stage 2')
    const statement = contributionStatement(federation.coordinator.roster.digests, honest.digest)
    const message = { ...honest, receivedDigest: honest.digest, signature: sign(generateSigningKey(), statement) }
    expect(send(federation, culprit.spiffeId, message)).toBe('bad_signature')
    await othersFinish(federation)
  })

  test('a masked input after the survivors were fixed is not counted', async () => {
    const { federation, culprit, honest } = await upTo('contribution')
    federation.coordinator = closeStage(federation.coordinator as LiveSession)
    expect(send(federation, culprit.spiffeId, { ...honest, receivedDigest: honest.digest })).toBe('late')
    expect(federation.coordinator).toMatchObject({ survivors: [1, 2, 4, 5] })
  })

  test('complaints: unsigned, about another ciphertext, about nobody', async () => {
    const { federation, culprit } = await upTo('contribution')
    const session = federation.coordinator
    if (session.stage !== 'mask-input') throw new Error('stage 2')
    const ciphertextDigest = session.deals.get(1)?.leaves[2]?.ciphertextDigest ?? new Uint8Array(32)
    const statement = noShareStatement(session.roster.digests, 1, 3, ciphertextDigest)
    const forged = {
      kind: 'no-share',
      owner: 1,
      ciphertextDigest,
      signature: sign(generateSigningKey(), statement),
    } as const
    expect(send(federation, culprit.spiffeId, forged)).toBe('bad_signature')
    expect(send(federation, culprit.spiffeId, { ...forged, ciphertextDigest: flip(ciphertextDigest) })).toBe(
      'digest_mismatch',
    )
    expect(send(federation, culprit.spiffeId, { ...forged, owner: 3 })).toBe('malformed')
  })
})

describe('stages 3 and 4', () => {
  test('an attestation of other survivors', async () => {
    const { federation, culprit, honest } = await upTo('attest-survivors')
    expect(send(federation, culprit.spiffeId, { ...honest, signature: flip(honest.signature) })).toBe('bad_signature')
    await othersFinish(federation)
  })

  const cases: readonly [string, string, (shares: Of<'reveal-shares'>['shares']) => Of<'reveal-shares'>['shares']][] = [
    ['an owner is left out', 'malformed', (s) => s.slice(1)],
    ['owners out of order', 'malformed', (s) => [...s].reverse()],
    [
      'a mask key share of a survivor',
      'unexpected_share',
      (s) => s.map((x) => (x.kind === 'none' ? x : { ...x, kind: 'mask-key' as const })),
    ],
    [
      'a share of another length',
      'malformed',
      (s) => s.map((x) => (x.kind === 'none' ? x : { ...x, share: new Uint8Array(31) })),
    ],
  ]
  for (const [name, code, change] of cases) {
    test(name, async () => {
      const { federation, culprit, honest } = await upTo('reveal-shares')
      expect(send(federation, culprit.spiffeId, { ...honest, shares: change(honest.shares) })).toBe(code)
      await othersFinish(federation)
    })
  }

  test('shares from a dropout', async () => {
    const federation = await openFederation({ size: SIZE, identities, parameterCount: 16 })
    const [dropout] = [...federation.sites.keys()]
    const up = (message: ParticipantMessage, from: string) => !(from === dropout && message.kind === 'contribution')
    while (federation.coordinator.stage !== 'reveal-shares') await walkStage(federation, { up })
    const shares = federation.coordinator.shared.map((owner) => ({ owner, kind: 'none' as const }))
    expect(send(federation, dropout ?? '', { kind: 'reveal-shares', shares })).toBe('not_in_survivors')
  })

  test('a share off its commitment names its holder, and only it', async () => {
    const { federation, culprit, honest } = await upTo('reveal-shares')
    const shares = honest.shares.map((x) => (x.kind === 'none' ? x : { ...x, share: flip(x.share) }))
    expect(send(federation, culprit.spiffeId, { ...honest, shares })).toBe('share_off_commitment')
    expect([...awaited(federation.coordinator)]).toEqual([])
    await othersFinish(federation)
    expect([...federation.coordinator.named]).toEqual([culprit.spiffeId])
  })
})

test('a participant that withdraws is not waited for, and cannot come back', async () => {
  const { federation, culprit, honest } = await upTo('share-keys')
  expect(send(federation, culprit.spiffeId, { kind: 'withdraw', code: 'left', message: '' })).toBe('accepted')
  expect([...awaited(federation.coordinator)]).toEqual([])
  expect(send(federation, culprit.spiffeId, honest)).toBe('late')
  await othersFinish(federation)
})

test('keys of a participant that withdraws before stage 0 closes are not put into the roster', async () => {
  const { federation, culprit, honest } = await upTo('advertise-keys')
  expect(send(federation, culprit.spiffeId, honest)).toBe('accepted')
  expect(send(federation, culprit.spiffeId, { kind: 'withdraw', code: 'left', message: '' })).toBe('accepted')
  federation.coordinator = closeStage(federation.coordinator as LiveSession)
  if (federation.coordinator.stage !== 'share-keys') throw new Error('stage 1')
  expect(federation.coordinator.roster.entries.map((entry) => entry.spiffeId)).not.toContain(culprit.spiffeId)
})
