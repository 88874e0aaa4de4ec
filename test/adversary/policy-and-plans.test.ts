/**
 * What a site's own policy forbids, asked of a real agent by a coordinator that does not care. Rows: a plan that no permitted
 * author signed, plans weaker than the policy bears, more sessions than it bears. The agent says why, and neither trains nor
 * enters a session nor sends anything of one.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { encodePlan, planDigest } from '../../shared/plan/plan-document.ts'
import { signPlan } from '../../shared/plan/plan-signature.ts'
import { systemRng } from '../../shared/random.ts'
import { AUTHOR_ID, closeLabs, startLab } from '../participant/agent-lab.ts'
import { makePlan } from '../participant/plans.ts'
import { identityOf, SERVER_ID } from '../shared/transport/hello.ts'

afterEach(closeLabs)
type Options = NonNullable<Parameters<typeof startLab>[0]>

/** Asks the agent to prepare, and then into a session all the same; it has to refuse both, the first with `code`. */
async function refuses(code: string, options: Options) {
  const lab = await startLab(options)
  lab.prepare()
  const { report } = await lab.heard('ready')
  expect(report).toMatchObject({ ready: false, code })
  expect(report.message).not.toBe('')
  const sessionId = systemRng(16)
  lab.session(sessionId)
  expect((await lab.heard('withdrew')).request).toMatchObject({ code: 'not_ready' })
  expect(lab.trainings()).toBe(0)
  expect(lab.journal.knowsSession(sessionId)).toBe(false)
  expect(lab.said.map(({ kind }) => kind)).toEqual(['ready', 'withdrew'])
  return lab
}

describe('coordinator has a site train a plan that nobody whom its policy names has signed', () => {
  const digest = planDigest(encodePlan(makePlan()))
  test('no signature', () => refuses('plan_unsigned', { signature: null }))
  test('the coordinator’s own', () =>
    refuses('plan_author_not_permitted', { signature: signPlan(digest, identityOf(SERVER_ID), Date.now()) }))
  test('an author’s under another plan', () =>
    refuses('plan_signature_wrong', { signature: signPlan(systemRng(32), identityOf(AUTHOR_ID), Date.now()) }))
  test('the coordinator’s in the name of an author', () =>
    refuses('plan_author_mismatch', {
      signature: { ...signPlan(digest, identityOf(SERVER_ID), Date.now()), authorId: AUTHOR_ID },
    }))
  test('the model of such a plan is not even fetched', async () => {
    const { downloads } = await refuses('plan_unsigned', { signature: null })
    expect(downloads).toEqual(['plan'])
  })
})

describe('coordinator has a site train a plan that its policy forbids, whoever signed it', () => {
  const cases: readonly [string, Options][] = [
    ['minimum_cohort_too_small', { policy: { minimumCohort: 4 } }],
    ['gamma_too_small', { policy: { minimumGamma: 0.3 } }],
    ['delta_too_small', { policy: { minimumDelta: 0.45 } }],
    ['policy_colluders_too_few', { policy: { minimumColluders: 3 } }],
    ['policy_threshold_too_low', { policy: { minimumThresholdFraction: 0.99 } }],
    ['semi_honest_not_permitted', { plan: makePlan({ security: { adversary: 'semi-honest' } }) }],
    ['too_many_rounds', { policy: { maxRounds: 1 } }],
    ['data_set_not_permitted', { policy: { dataSets: ['other'] } }],
    ['plan_not_approved', { policy: { approvedPlans: ['ab'.repeat(32)] } }],
    ['peer_not_permitted', { policy: { peers: ['spiffe://a.example/site/north'] } }],
  ]
  test.each(cases)('%s', async (code, options) => {
    const { downloads } = await refuses(code, options)
    expect(downloads).toEqual(['plan'])
  })
})

test('coordinator asks for a round that the plan does not have', async () => {
  const lab = await startLab()
  const { rounds } = makePlan()
  lab.prepare({ version: rounds + 1 }, rounds + 2)
  expect((await lab.heard('ready')).report).toMatchObject({ ready: false, code: 'round_mismatch' })
  expect(lab.trainings()).toBe(0)
})

test('coordinator asks a site that is ready into a session on another model, plan or version', async () => {
  const lab = await startLab()
  lab.prepare()
  await lab.heard('ready')
  for (const change of [{ modelDigest: systemRng(32) }, { planDigest: systemRng(32) }, { version: 1 }]) {
    const sessionId = systemRng(16)
    const before = lab.said.length
    lab.session(sessionId, { $case: 'advertiseKeys', value: { ...lab.digests, version: 0, ...change } })
    await expect.poll(() => lab.said.length).toBe(before + 1)
    expect(lab.said.at(-1)).toMatchObject({ kind: 'withdrew', request: { code: 'not_ready' } })
    expect(lab.journal.knowsSession(sessionId)).toBe(false)
  }
})
