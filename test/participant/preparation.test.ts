import { afterEach, describe, expect, test } from 'vitest'
import { ConfigError } from '../../shared/errors.ts'
import { encodePlan, planDigest } from '../../shared/plan/plan-document.ts'
import { DAY_MS, type PlanSignature, signPlan } from '../../shared/plan/plan-signature.ts'
import { makeAuthority } from '../shared/identity/test-pki.ts'
import { identityOf, SERVER_ID } from '../shared/transport/hello.ts'
import { AUTHOR_ID, closeLabs, freshUpdate, startLab } from './agent-lab.ts'
import { makePlan } from './plans.ts'
import { idleBecause } from './scripted-coordinator.ts'

afterEach(closeLabs)

interface RoundChanges {
  readonly round: number
  readonly runId?: string
  readonly version?: number
}

test('a plan the site permits is trained for and reported ready', async () => {
  const lab = await startLab()
  lab.prepare()
  const { report } = await lab.heard('ready')
  expect(report).toMatchObject({ runId: 'run', round: 1, attempt: 1, ready: true, code: '' })
  const messages = lab.lines().map(({ msg }) => msg)
  expect(messages).toContain('training started')
  expect(messages).toContain('training finished')
})

describe('is reported not ready with its code', () => {
  test.each([
    [
      'not_enrolled',
      makePlan({
        participants: { enrolled: ['south', 'east', 'west'].map((name) => `spiffe://a.example/site/${name}`) },
      }),
      {},
    ],
    ['model_too_large', makePlan({ model: { bytes: 2000 } }), { maxModelBytes: 1024 }],
    ['model_mismatch', makePlan({ model: { sha256: 'ab'.repeat(32) } }), {}],
    ['model_mismatch', makePlan({ model: { graphSha256: 'ab'.repeat(32) } }), {}],
    ['bad_plan', makePlan({ aggregation: { minExamples: 10, maxExamples: 5 } }), {}],
  ])('%s', async (code, plan, policy) => {
    const lab = await startLab({ plan, policy })
    lab.prepare()
    const { report } = await lab.heard('ready')
    expect(report).toMatchObject({ ready: false, code })
    expect(report.message).not.toBe('')
    await lab.until((line) => line.level === 'warn' && line.code === code)
    expect(lab.trainings()).toBe(0)
  })

  test('every objection, the first as the reason and each with its code in the log', async () => {
    const lab = await startLab({ policy: { minimumCohort: 4, minimumDelta: 0.5, dataSets: ['other'] } })
    lab.prepare()
    const { report } = await lab.heard('ready')
    expect(report).toMatchObject({ ready: false, code: 'minimum_cohort_too_small' })
    for (const code of ['delta_too_small', 'data_set_not_permitted']) {
      expect(report.message).toContain(`${code}: `)
      await lab.until((line) => line.level === 'warn' && line.code === code)
    }
  })

  test('a failed training, an unusable update, and data that has to be mended', async () => {
    const lab = await startLab({
      train: async ({ plan }, count) => {
        if (count === 0) return { ok: false, code: 'non_finite_loss', message: 'the loss is NaN' }
        if (count === 1) throw new ConfigError('dataset_unreadable', 'x.npy: there is no such file')
        if (count === 2) throw new Error('a bug')
        const made = freshUpdate(plan.model.parameterCount, count)
        return { ok: true, ...made, update: made.update.fill(Number.POSITIVE_INFINITY) }
      },
    })
    for (const [place, code] of [
      'non_finite_loss',
      'dataset_unreadable',
      'participant_failed',
      'update_not_finite',
    ].entries()) {
      lab.prepare({ attempt: place + 1 })
      const { report } = await lab.heard('ready', place + 1)
      expect(report).toMatchObject({ ready: false, code, attempt: place + 1 })
    }
  })

  test('a model that this site has masked for as often as its policy allows', async () => {
    const lab = await startLab({ policy: { sessionsPerModel: 1 } })
    const sessionId = new Uint8Array(16)
    lab.journal.record({ kind: 'session-opened', sessionId, ...lab.digests, round: 1, atMs: 1 })
    lab.journal.record({ kind: 'update-spent', sessionId, updateDigest: new Uint8Array(32) })
    lab.prepare()
    expect((await lab.heard('ready')).report).toMatchObject({ ready: false, code: 'too_many_sessions' })
  })

  test('a round that it has masked in as often, whatever the model is called', async () => {
    const lab = await startLab({ policy: { sessionsPerModel: 1 } })
    const sessionId = new Uint8Array(16)
    const modelDigest = new Uint8Array(32)
    lab.journal.record({ kind: 'session-opened', sessionId, ...lab.digests, modelDigest, round: 1, atMs: 1 })
    lab.journal.record({ kind: 'update-spent', sessionId, updateDigest: new Uint8Array(32) })
    lab.prepare()
    expect((await lab.heard('ready')).report).toMatchObject({ ready: false, code: 'too_many_sessions' })
    expect(lab.trainings()).toBe(0)
  })

  test('any round, once a day has had as many as its policy allows', async () => {
    const lab = await startLab({ policy: { roundsPerDay: 1 } })
    const [sessionId, other] = [new Uint8Array(16), new Uint8Array(32)]
    const target = { modelDigest: other, planDigest: other, round: 9 }
    lab.journal.record({ kind: 'session-opened', sessionId, ...target, atMs: Date.now() })
    lab.journal.record({ kind: 'update-spent', sessionId, updateDigest: other })
    lab.prepare()
    expect((await lab.heard('ready')).report).toMatchObject({ ready: false, code: 'too_many_rounds_today' })
    expect(lab.trainings()).toBe(0)
  })

  test.each([
    ['round 0', { round: 0, version: 0 }, 'round_mismatch'],
    ['a round after the evaluation', { round: 4, version: 3 }, 'round_mismatch'],
    ['another version', { round: 2, version: 0 }, 'round_mismatch'],
    ['a run id that is none', { round: 1, runId: '../run' }, 'malformed'],
    ['a long run id', { round: 1, runId: 'r'.repeat(129) }, 'malformed'],
  ])('%s', async (_what, { round, runId, ...changes }: RoundChanges, code) => {
    const lab = await startLab()
    lab.prepare(changes, round, runId)
    expect((await lab.heard('ready')).report).toMatchObject({ ready: false, code })
    expect(lab.trainings()).toBe(0)
  })
})

describe('a plan that no author of the policy answers for', () => {
  const digest = planDigest(encodePlan(makePlan()))
  const signed = (by: string, nowMs = Date.now()) => signPlan(digest, identityOf(by), nowMs)
  const foreign = makeAuthority()
  const cases: [string, () => PlanSignature | null][] = [
    ['plan_unsigned', () => null],
    ['plan_author_not_permitted', () => signed('spiffe://a.example/author/eve')],
    // The coordinator of these tests is a workload of the trust domain too: that alone makes it no author.
    ['plan_author_not_permitted', () => signed(SERVER_ID)],
    ['plan_author_mismatch', () => ({ ...signed(SERVER_ID), authorId: AUTHOR_ID })],
    ['plan_signature_wrong', () => signPlan(new Uint8Array(32), identityOf(AUTHOR_ID), Date.now())],
    ['plan_signature_wrong', () => ({ ...signed(AUTHOR_ID), signature: new Uint8Array(64) })],
    ['plan_signature_malformed', () => ({ ...signed(AUTHOR_ID), signature: new Uint8Array(0) })],
    ['plan_certificate_foreign', () => signPlan(digest, identityOf(AUTHOR_ID, { issuer: foreign }), Date.now())],
    ['plan_certificate_expired', () => signed(AUTHOR_ID, Date.now() - 3_600_000)],
    ['plan_certificate_refused', () => ({ ...signed(AUTHOR_ID), certificateChain: [] })],
    ['plan_signature_too_old', () => signed(AUTHOR_ID, Date.now() - 91 * DAY_MS)],
    ['plan_signed_in_future', () => signed(AUTHOR_ID, Date.now() + 600_000)],
  ]
  test.each(cases)('%s: nothing is trained, no model fetched, and the coordinator is told', async (code, signature) => {
    const lab = await startLab({ signature: signature() })
    lab.prepare()
    const { report } = await lab.heard('ready')
    expect(report).toMatchObject({ ready: false, code })
    expect(report.message).not.toBe('')
    await lab.until((line) => line.level === 'warn' && line.code === code)
    expect(lab.trainings()).toBe(0)
    expect(lab.downloads).toEqual(['plan'])
  })

  test('is refused whatever stands in it: it is not read', async () => {
    const lab = await startLab({
      signature: null,
      plan: makePlan({ aggregation: { minExamples: 10, maxExamples: 5 } }),
    })
    lab.prepare()
    expect((await lab.heard('ready')).report).toMatchObject({ ready: false, code: 'plan_unsigned' })
  })
})

test('an update never masked serves the next attempt on the same model', async () => {
  const lab = await startLab()
  lab.prepare()
  await lab.heard('ready')
  lab.prepare({ attempt: 2 })
  expect((await lab.heard('ready', 2)).report).toMatchObject({ ready: true, attempt: 2 })
  expect(lab.trainings()).toBe(1)
})

test('a later attempt does not begin the training anew, and is the one reported', async () => {
  let finish: () => void = () => {}
  const isFinished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const lab = await startLab({
    train: async ({ plan }, count) => {
      await isFinished
      return { ok: true, ...freshUpdate(plan.model.parameterCount, count) }
    },
  })
  lab.prepare()
  await lab.until(({ msg }) => msg === 'training started')
  lab.prepare({ attempt: 2 })
  // Once this has come, the second order has been heard: both came on one stream, in order.
  lab.tell(idleBecause('marker'))
  await lab.until(({ reason }) => reason === 'marker')
  finish()
  expect((await lab.heard('ready')).report).toMatchObject({ attempt: 2, ready: true })
  expect(lab.trainings()).toBe(1)
})

test('a newer order stops the training of an older one', async () => {
  const aborted: number[] = []
  const lab = await startLab({
    train: ({ plan, round, signal }, count) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          aborted.push(round)
          resolve({ ok: false, code: 'aborted', message: 'training was cancelled' })
        })
        if (round === 2) resolve({ ok: true, ...freshUpdate(plan.model.parameterCount, count) })
      }),
  })
  lab.prepare()
  await lab.until(({ msg }) => msg === 'training started')
  lab.prepare({ version: 1 }, 2)
  expect((await lab.heard('ready')).report).toMatchObject({ round: 2, ready: true })
  expect(aborted).toEqual([1])
})

// Who evaluates contributes zeros: could everybody else be told to, the sum would be this site's update.
test('a site trains in the rounds of the plan and evaluates in one more, whatever it is told', async () => {
  const purposes: [number, boolean][] = []
  const lab = await startLab({
    train: async ({ plan, round, evaluateOnly }, count) => {
      purposes.push([round, evaluateOnly])
      return { ok: true, ...freshUpdate(plan.model.parameterCount, count) }
    },
  })
  for (const round of [1, 2, 3]) {
    lab.prepare({ version: round - 1 }, round)
    expect((await lab.heard('ready', round)).report).toMatchObject({ round, ready: true })
  }
  expect(purposes).toEqual([
    [1, false],
    [2, false],
    [3, true],
  ])
})

test('what was reported is reported again on a new stream, without training again', async () => {
  const lab = await startLab()
  lab.prepare()
  await lab.heard('ready')
  lab.cut()
  await lab.heard('ready', 2)
  expect(lab.trainings()).toBe(1)
})

test('a training under way is stopped with the agent', async () => {
  const lab = await startLab({
    train: ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve({ ok: false, code: 'aborted', message: 'cancelled' }))
      }),
  })
  lab.prepare()
  await lab.until(({ msg }) => msg === 'training started')
  await lab.end()
  expect(lab.said).toEqual([])
})
