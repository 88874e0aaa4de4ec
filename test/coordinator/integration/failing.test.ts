/** Rounds that fail: a fresh session after one that broke, a pause with its reason after too many, and going on from there. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Coordinator } from '../../../coordinator/main.ts'
import { connectOperator, type LabAgent, type LabOperator, startAgent, startLab } from './lab.ts'
import { MODEL, makePlan, planDocumentOf } from './plans.ts'
import { makeTrustDomain, SITES, type TrustDomainFolder } from './trust-domain.ts'

let domain: TrustDomainFolder
let coordinator: Coordinator
let lab: LabOperator
let agents: LabAgent[] = []

beforeAll(async () => {
  domain = await makeTrustDomain()
  coordinator = await startLab(domain)
  lab = connectOperator(domain, coordinator.operatorsAddress)
})

afterAll(async () => {
  lab.close()
  await Promise.all(agents.map((agent) => agent.stop()))
  await coordinator.close()
  await domain.remove()
})

async function eventsUntil(run: string, last: string) {
  const seen: { kind: string; body: Record<string, unknown> }[] = []
  for await (const { kind, body } of lab.operator.watch(run, 0)) {
    seen.push({ kind, body: JSON.parse(body) })
    if (kind === last) break
  }
  return seen
}

const start = (spiffeId: string, more: object = {}) =>
  startAgent(domain, { spiffeId, address: coordinator.participantsAddress, ...more })

test('a run whose sites refuse pauses with their reasons, and goes on once they are mended', async () => {
  const strict = SITES.slice(2).map((site) => start(site, { policy: { minimumCohort: 5 } }))
  agents = SITES.slice(0, 2).map((site) => start(site))
  const plan = makePlan({ name: 'refused', rounds: 1, timing: { sessionAttempts: 2 } })
  await lab.submit(planDocumentOf(plan), MODEL)
  const events = await eventsUntil('refused', 'run_paused')
  const aborted = events.filter(({ kind }) => kind === 'session_aborted')
  expect(aborted.map(({ body }) => [body.attempt, body.attempts, body.reason])).toEqual([
    [1, 2, 'too_few_ready'],
    [2, 2, 'too_few_ready'],
  ])
  const paused = await lab.operator.show('refused')
  expect(paused).toMatchObject({ state: 'paused', present: 'paused', round: 0 })
  expect(paused.reason).toMatch(
    /^2 attempts at round 1 failed, the last: too_few_ready: 2 of 5 .*minimum_cohort_too_small/,
  )
  await Promise.all(strict.map((agent) => agent.stop()))
  agents.push(...SITES.slice(2).map((site) => start(site, { journal: `${site.split('/').at(-1)}-mended.sqlite` })))
  await lab.operator.resume('refused')
  expect((await eventsUntil('refused', 'run_completed')).at(-1)).toMatchObject({ kind: 'run_completed' })
})

test('a session that too few survive is followed by a fresh one', { timeout: 90_000 }, async () => {
  const held = Promise.withResolvers<void>()
  const drill = {
    reach: async (point: string) => {
      if (point === 'hold-before-upload') await held.promise
    },
  }
  const replaced = agents.splice(0, 2)
  await Promise.all(replaced.map((agent) => agent.stop()))
  agents.push(
    ...SITES.slice(0, 2).map((site) => start(site, { drill, journal: `${site.split('/').at(-1)}-held.sqlite` })),
  )
  const timing = { stageDeadlineMs: 3000, trainDeadlineMs: 3000, joinGraceMs: 2000 }
  await lab.submit(planDocumentOf(makePlan({ name: 'deserted', rounds: 1, timing })), MODEL)
  const events = await eventsUntil('deserted', 'version_published')
  held.resolve()
  const aborted = events.filter(({ kind }) => kind === 'session_aborted')
  expect(aborted.map(({ body }) => body.reason)).toEqual(['too_few_survivors'])
  expect(events.at(-1)?.body).toMatchObject({ version: 1, survivors: 3, roster: 3 })
})
