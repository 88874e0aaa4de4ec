import { describe, expect, test } from 'vitest'
import { permitsPeer, refuseCoordinator } from '../../../participant/policy/peers.ts'
import { dataFormats, refusePlan } from '../../../participant/policy/plans.ts'
import { policyFile } from '../../../participant/policy/policy-file.ts'
import { makePlan, type PlanChanges, SITES, TRUST_DOMAIN } from '../plans.ts'

const site = {
  spiffeId: SITES[0]!,
  trustDomain: TRUST_DOMAIN,
  dataSets: { default: 'npy' },
  planDigestHex: 'ab'.repeat(32),
} as const
const AUTHOR = 'spiffe://a.example/author/ada'
const codes = (changes: PlanChanges, policy: object = {}, facts: object = {}) =>
  refusePlan(makePlan(changes), policyFile.parse({ planAuthors: [AUTHOR], ...policy }), { ...site, ...facts }).map(
    ({ code }) => code,
  )

test('an ordinary plan meets no objection', () => {
  expect(codes({})).toEqual([])
})

const others = SITES.slice(1)
const stranger = 'spiffe://b.example/site/x'
const setOf = (set: string) => ({ kind: 'arrays', shape: [4], classes: 2, set })
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
  ['delta_too_small', {}, { minimumDelta: 0.3 }, {}],
  ['policy_colluders_too_few', {}, { minimumColluders: 1 }, {}],
  // Four sites: t = 3 of h = 4.
  ['policy_threshold_too_low', {}, { minimumThresholdFraction: 0.75 }, {}],
  ['data_set_not_permitted', {}, { dataSets: ['other'] }, {}],
  ['data_set_not_permitted', { data: setOf('scans') }, { dataSets: ['default'] }, {}],
  ['data_set_unknown', { data: setOf('scans') }, {}, {}],
  ['data_set_unknown', { data: setOf('constructor') }, {}, {}],
  ['data_format_mismatch', {}, {}, { dataSets: { default: 'csv' } }],
]
test.each(objections)('%s', (code, changes, policy, facts) => {
  expect(codes(changes, policy, facts)).toEqual([code])
})

test.each([
  ['an approved plan', {}, { approvedPlans: [site.planDigestHex] }],
  ['a semi-honest one where allowed', { security: { adversary: 'semi-honest' } }, { allowSemiHonest: true }],
  ['a lower minimum where allowed', { participants: { minimumCohort: 2 } }, { minimumCohort: 2 }],
  ['δ at the floor', {}, { minimumDelta: 0.2 }],
  ['C at the floor', { security: { gamma: 0.2 } }, { minimumColluders: 1 }],
  ['a threshold above the bound', {}, { minimumThresholdFraction: 0.74 }],
  ['a data set by its name', { data: setOf('default') }, { dataSets: ['default'] }],
  ['peers by pattern', {}, { peers: ['spiffe://a.example/site/*'] }],
  ['a list of all peers without the site itself', {}, { peers: others }],
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
  const permits = (peers: string[] | undefined, id: string) => permitsPeer({ peers }, site.trustDomain, id)

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

test('a set that the policy does not permit is the same to an asker, there or not', () => {
  const facts = { dataSets: { default: 'npy', scans: 'npy' } }
  for (const set of ['scans', 'tables']) {
    expect(codes({ data: setOf(set) }, { dataSets: ['default'] }, facts)).toEqual(['data_set_not_permitted'])
  }
})

test('formats are known by the names of the sets', () => {
  expect(dataFormats({ a: { format: 'csv' }, b: { format: 'npy' } })).toEqual({ a: 'csv', b: 'npy' })
})

test('a coordinator is the configured one, or one of those the policy names', () => {
  const id = 'spiffe://a.example/coordinator'
  expect(refuseCoordinator({}, id)).toBe(null)
  expect(refuseCoordinator({ coordinators: [id] }, id)).toBe(null)
  expect(refuseCoordinator({ coordinators: ['spiffe://b.example/*'] }, id)?.code).toBe('coordinator_not_permitted')
})
