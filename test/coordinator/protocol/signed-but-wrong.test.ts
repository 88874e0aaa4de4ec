/**
 * Deals that their owner has signed and that are wrong all the same: each can be caught by one check only. The participant
 * that made it becomes a dropout; its own deal, sent afterwards, is still taken.
 */
import { beforeAll, expect, test } from 'vitest'
import { sign } from '../../../shared/crypto/signatures.ts'
import { type Deal, type DealLeaf, dealRoot, dealStatement } from '../../../shared/protocol/deal.ts'
import { NOW_MS } from '../../protocol/federation.ts'
import { type Identities, makeIdentities } from '../../protocol/identities.ts'
import { answered, losing, SIZE, saidBy, send } from './at-stage.ts'

let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
})

const eachLeaf = (deal: Deal, fields: Partial<DealLeaf>) => ({
  leaves: deal.leaves.map((leaf) => ({ ...leaf, ...fields })),
})

const cases: readonly [string, string, (deal: Deal) => Partial<Deal>][] = [
  [
    'one ciphertext twice',
    'malformed',
    ({ ciphertexts }) => ({ ciphertexts: [...ciphertexts, ...ciphertexts.slice(-1)] }),
  ],
  ['ciphertexts in another order', 'malformed', ({ ciphertexts }) => ({ ciphertexts: [...ciphertexts].reverse() })],
  [
    'short commitments to the seed shares',
    'malformed',
    (deal) => eachLeaf(deal, { selfShareCommitment: new Uint8Array(31) }),
  ],
  [
    'long commitments to the key shares',
    'malformed',
    (deal) => eachLeaf(deal, { maskKeyShareCommitment: new Uint8Array(33) }),
  ],
  ['a seed commitment that is no digest', 'malformed', () => ({ selfSeedCommitment: new Uint8Array(31) })],
  [
    'leaves that name other ciphertexts',
    'digest_mismatch',
    (deal) => eachLeaf(deal, { ciphertextDigest: new Uint8Array(32) }),
  ],
]

for (const [name, code, change] of cases) {
  test(name, async () => {
    const culprit = identities.sites[2]?.spiffeId ?? ''
    const { federation, sites } = await answered('share-keys', identities, losing(culprit, 'share-keys'))
    const honest = saidBy(sites[2], 'share-keys')
    if (sites[2].session?.stage !== 'shared') throw new Error('stage 1')
    const { secrets, digests } = sites[2].session
    const changed = { ...honest.deal, ...change(honest.deal) }
    const statement = dealStatement(digests, changed.owner, changed.selfSeedCommitment, dealRoot(changed.leaves))
    const deal = { ...changed, signature: sign(secrets.signing, statement) }
    expect(send(federation, culprit, { ...honest, deal })).toBe(code)
    expect(send(federation, culprit, honest)).toBe('accepted')
  })
}
