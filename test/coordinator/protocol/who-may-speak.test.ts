/**
 * Who is heard when: a message of another stage, of one who missed the roster or fell out of a set, or of one who was caught,
 * is refused though it is well formed and properly signed, and changes nothing.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { closeStage, openSession } from '../../../coordinator/protocol/session.ts'
import { sign } from '../../../shared/crypto/signatures.ts'
import { encodeBitmap } from '../../../shared/protocol/bitmap.ts'
import { contributionStatement, noShareStatement, survivorsStatement } from '../../../shared/protocol/statements.ts'
import { NOW_MS, openFederation, type Site } from '../../protocol/federation.ts'
import { type Identities, makeIdentities } from '../../protocol/identities.ts'
import { answer, answered, flip, losing, SIZE, saidBy, send } from './at-stage.ts'

let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
})

const third = () => identities.sites[2]?.spiffeId ?? ''

/** Signs with the session's signing key of a site that still has it. */
function signedBy(site: Site, statement: Uint8Array): Uint8Array {
  if (site.session === null || site.session.stage === 'ended') throw new Error(`${site.spiffeId} has left`)
  return sign(site.session.secrets.signing, statement)
}

describe('another stage', () => {
  test('while keys are advertised nothing else is heard', async () => {
    const { sites } = await answered('share-keys', identities)
    const federation = await openFederation({ size: SIZE, identities, parameterCount: 8 })
    expect(send(federation, third(), saidBy(sites[2], 'share-keys'))).toBe('wrong_stage')
    expect(send(federation, third(), { kind: 'reveal-shares', shares: [] })).toBe('wrong_stage')
  })

  test('a message of a later stage is early, one of an earlier stage is late', async () => {
    const { federation, sites } = await answered('mask-input', identities, losing(third(), 'share-keys'))
    expect(send(federation, sites[2].spiffeId, saidBy(sites[2], 'share-keys'))).toBe('late')
    expect(send(federation, sites[1].spiffeId, { kind: 'reveal-shares', shares: [] })).toBe('wrong_stage')
  })

  test('nothing is heard when the session is over', async () => {
    const { federation, sites } = await answered('attest-survivors', identities)
    federation.coordinator = closeStage(closeStage(federation.coordinator as never) as never)
    expect(federation.coordinator.stage).toBe('aborted')
    expect(send(federation, sites[1].spiffeId, { kind: 'reveal-shares', shares: [] })).toBe('late')
  })
})

describe('who is not, or no longer, part of it', () => {
  test('one whose keys came after the cohort was complete', async () => {
    const federation = await openFederation({ size: SIZE, identities, parameterCount: 8 })
    const { setup } = federation.coordinator
    await answer(federation, losing(third(), 'advertise-keys'))
    const missing = saidBy([...federation.sites.values()][2] as Site, 'advertise-keys')
    federation.coordinator = openSession({ ...setup, targetCohort: SIZE - 1 })
    for (const site of federation.sites.values()) {
      if (site.spiffeId === third()) continue
      expect(send(federation, site.spiffeId, saidBy(site, 'advertise-keys'))).toBe('accepted')
    }
    expect(send(federation, third(), missing)).toBe('late')
  })

  test('one who is not in the roster', async () => {
    const { federation, sites } = await answered('share-keys', identities, losing(third(), 'advertise-keys'))
    expect(send(federation, third(), saidBy(sites[1], 'share-keys'))).toBe('late')
  })

  test('one who is not in U2', async () => {
    const { federation, sites, session } = await answered('mask-input', identities, losing(third(), 'share-keys'))
    const { digests } = session.roster
    const digest = new Uint8Array(32).fill(5)
    const signature = signedBy(sites[2], contributionStatement(digests, digest))
    expect(send(federation, third(), { kind: 'contribution', digest, receivedDigest: digest, signature })).toBe(
      'not_in_shared_set',
    )
    const ciphertextDigest = saidBy(sites[0], 'share-keys').deal.leaves[2]?.ciphertextDigest ?? digest
    const complaint = signedBy(sites[2], noShareStatement(digests, 1, 3, ciphertextDigest))
    expect(send(federation, third(), { kind: 'no-share', owner: 1, ciphertextDigest, signature: complaint })).toBe(
      'not_in_shared_set',
    )
  })

  test('one who is not in U3', async () => {
    const { federation, sites, session } = await answered(
      'attest-survivors',
      identities,
      losing(third(), 'contribution'),
    )
    const [shared, survivors] = [encodeBitmap(session.shared, SIZE), encodeBitmap(session.survivors, SIZE)]
    const signature = signedBy(sites[2], survivorsStatement(session.roster.digests, shared, survivors))
    expect(send(federation, third(), { kind: 'attest-survivors', signature })).toBe('not_in_survivors')
  })

  test('one who was caught, even with what it should have sent', async () => {
    const { federation, sites } = await answered('reveal-shares', identities, losing(third(), 'reveal-shares'))
    const honest = saidBy(sites[2], 'reveal-shares')
    const wrong = honest.shares.map((s) => (s.kind === 'none' ? s : { ...s, share: flip(s.share) }))
    expect(send(federation, third(), { ...honest, shares: wrong })).toBe('share_off_commitment')
    expect(send(federation, third(), honest)).toBe('late')
  })
})
