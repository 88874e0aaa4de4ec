/** What the policy says of sessions, before training and, through the setup, in the protocol core. */
import { expect, test } from 'vitest'
import { objectionWords } from '../../../participant/policy/objection.ts'
import { policyFile } from '../../../participant/policy/policy-file.ts'
import { refuseSessions, sessionPolicy } from '../../../participant/policy/sessions.ts'
import { makePlan, TRUST_DOMAIN } from '../plans.ts'

const policyOf = (changes: object = {}) =>
  policyFile.parse({ planAuthors: ['spiffe://a.example/author/ada'], ...changes })

test.each([
  [{ onModel: 1, today: 199 }, []],
  [{ onModel: 2, today: 0 }, ['too_many_sessions']],
  [{ onModel: 0, today: 200 }, ['too_many_rounds_today']],
  [{ onModel: 9, today: 900 }, ['too_many_sessions', 'too_many_rounds_today']],
])('%o masked sessions by default: %o', (masked, codes) => {
  expect(refuseSessions(policyOf(), masked).map(({ code }) => code)).toEqual(codes)
})

test('the limits are the policy’s', () => {
  const policy = policyOf({ sessionsPerModel: 3, roundsPerDay: 1 })
  expect(refuseSessions(policy, { onModel: 2, today: 0 })).toEqual([])
  expect(refuseSessions(policy, { onModel: 2, today: 1 }).map(({ code }) => code)).toEqual(['too_many_rounds_today'])
})

test('the core is given the policy’s numbers, and the greater of the two minimum cohorts', () => {
  const policy = policyOf({
    minimumCohort: 4,
    minimumColluders: 2,
    minimumThresholdFraction: 0.6,
    sessionsPerModel: 5,
    roundsPerDay: 7,
    peers: ['spiffe://a.example/site/north'],
  })
  const setup = sessionPolicy(policy, makePlan({ participants: { minimumCohort: 3 } }), TRUST_DOMAIN)
  expect(setup).toMatchObject({
    minimumCohort: 4,
    minimumColluders: 2,
    minimumThresholdFraction: 0.6,
    sessionsPerModel: 5,
    roundsPerDay: 7,
  })
  expect(setup.permitsPeer('spiffe://a.example/site/north')).toBe(true)
  expect(setup.permitsPeer('spiffe://a.example/site/south')).toBe(false)
  const plan = makePlan({ participants: { minimumCohort: 4 } })
  expect(sessionPolicy(policyOf(), plan, TRUST_DOMAIN).minimumCohort).toBe(4)
})

test('several objections stand in one line, the first by its message', () => {
  const objections = refuseSessions(policyOf(), { onModel: 2, today: 200 })
  expect(objectionWords(objections)).toMatch(/^2 masked sessions .*; too_many_rounds_today: 200 masked/)
})
