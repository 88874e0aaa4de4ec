import { describe, expect, test } from 'vitest'
import { policyFile } from '../../participant/config.ts'
import { permitsPeer, refusePlan } from '../../participant/policy.ts'
import { makePlan, type PlanChanges, SITES, TRUST_DOMAIN } from './plans.ts'

const site = {
  spiffeId: SITES[0]!,
  trustDomain: TRUST_DOMAIN,
  dataFormat: 'npy',
  planDigestHex: 'ab'.repeat(32),
} as const
const codes = (changes: PlanChanges, policy: object = {}, facts: object = {}) =>
  refusePlan(makePlan(changes), policyFile.parse(policy), { ...site, ...facts }).map(({ code }) => code)

test('an ordinary plan meets no objection', () => {
  expect(codes({})).toEqual([])
})

const others = SITES.slice(1)
const stranger = 'spiffe://b.example/site/x'
const objections: [string, PlanChanges, object, object][] = [
  ['not_enrolled', { participants: { enrolled: others } }, {}, {}],
  ['plan_not_approved', {}, { approvedPlans: ['cd'.repeat(32)] }, {}],
  ['trust_domain_wrong', { participants: { enrolled: [...SITES, stranger] } }, {}, {}],
  ['peer_not_permitted', {}, { peers: SITES.slice(0, 2) }, {}],
  ['minimum_cohort_too_small', {}, { minimumCohort: 4 }, {}],
  ['minimum_cohort_too_small', { participants: { minimumCohort: 2 } }, {}, {}],
  ['gamma_too_small', {}, { minimumGamma: 0.1 }, {}],
  ['semi_honest_not_permitted', { security: { adversary: 'semi-honest' } }, {}, {}],
  ['too_many_rounds', { rounds: 11 }, { maxRounds: 10 }, {}],
  ['model_too_large', { model: { bytes: 2048 } }, { maxModelBytes: 2047 }, {}],
  ['data_format_mismatch', {}, {}, { dataFormat: 'csv' }],
]
test.each(objections)('%s', (code, changes, policy, facts) => {
  expect(codes(changes, policy, facts)).toEqual([code])
})

test.each([
  ['an approved plan', {}, { approvedPlans: [site.planDigestHex] }],
  ['a semi-honest one where allowed', { security: { adversary: 'semi-honest' } }, { allowSemiHonest: true }],
  ['a lower minimum where allowed', { participants: { minimumCohort: 2 } }, { minimumCohort: 2 }],
  ['peers by pattern', {}, { peers: ['spiffe://a.example/site/*'] }],
])('%s is permitted', (_what, changes, policy) => {
  expect(codes(changes, policy)).toEqual([])
})

test('every objection is told at once', () => {
  const changes = {
    rounds: 99,
    participants: { enrolled: [...others, stranger] },
    security: { adversary: 'semi-honest' },
  }
  expect(codes(changes, { maxRounds: 10 })).toEqual([
    'not_enrolled',
    'trust_domain_wrong',
    'semi_honest_not_permitted',
    'too_many_rounds',
  ])
})

describe('peers', () => {
  const permits = (peers: string[] | undefined, id: string) => permitsPeer({ peers }, site, id)

  test('are the own trust domain by default, and not one whose name begins the same', () => {
    expect(permits(undefined, 'spiffe://a.example/any/thing')).toBe(true)
    expect(permits(undefined, 'spiffe://a.example.evil/site/north')).toBe(false)
  })

  test('are exact, or everything below a pattern', () => {
    expect(permits(['spiffe://a.example/site/north'], 'spiffe://a.example/site/north')).toBe(true)
    expect(permits(['spiffe://a.example/site/north'], 'spiffe://a.example/site/northern')).toBe(false)
    expect(permits(['spiffe://a.example/site/*'], 'spiffe://a.example/site/a/b')).toBe(true)
    expect(permits(['spiffe://a.example/site/*'], 'spiffe://a.example/sites/a')).toBe(false)
  })
})
