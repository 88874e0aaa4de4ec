/** Pausing, resuming and cancelling runs, and several runs that share their agents. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Coordinator } from '../../../coordinator/main.ts'
import { SOFTWARE_VERSION } from '../../../shared/runtime/software-version.ts'
import type { RunEvent } from '../../../shared/wire/generated/blindsum/v1/operator.ts'
import { connectOperator, type LabAgent, type LabOperator, startAgent, startLab } from './lab.ts'
import { MODEL, makePlan, type PlanChanges, planDocumentOf } from './plans.ts'
import { makeTrustDomain, OPERATOR_ID, SITES, type TrustDomainFolder } from './trust-domain.ts'

let domain: TrustDomainFolder
let coordinator: Coordinator
let agents: LabAgent[]
let lab: LabOperator

beforeAll(async () => {
  domain = await makeTrustDomain()
  coordinator = await startLab(domain)
  agents = SITES.map((spiffeId) => startAgent(domain, { spiffeId, address: coordinator.participantsAddress }))
  lab = connectOperator(domain, coordinator.operatorsAddress)
})

afterAll(async () => {
  lab.close()
  await Promise.all(agents.map((agent) => agent.stop()))
  await coordinator.close()
  await domain.remove()
})

const submit = (changes: PlanChanges) => lab.submit(planDocumentOf(makePlan(changes)), MODEL)

/** Watches until an event that `wanted` accepts; all events up to and including it. */
async function watchUntil(run: string, wanted: (event: RunEvent) => boolean): Promise<RunEvent[]> {
  const seen: RunEvent[] = []
  for await (const event of lab.operator.watch(run, 0)) {
    seen.push(event)
    if (wanted(event)) break
  }
  return seen
}

const published = (version: number) => (event: RunEvent) =>
  event.kind === 'version_published' && JSON.parse(event.body).version === version

test('a paused run begins no new round, keeps what it has, and goes on when resumed', async () => {
  await submit({ name: 'paused', rounds: 4 })
  await watchUntil('paused', published(1))
  expect(await lab.operator.pause('paused')).toMatchObject({ state: 'paused', reason: `paused by ${OPERATOR_ID}` })
  await expect.poll(async () => (await lab.operator.show('paused')).present).toBe('paused')
  const { round } = await lab.operator.show('paused')
  expect(round).toBeGreaterThanOrEqual(1)
  expect(round).toBeLessThan(4)
  await expect(lab.operator.pause('paused')).rejects.toMatchObject({ code: 'run_paused' })
  expect(await lab.operator.resume('paused')).toMatchObject({ state: 'running', reason: '' })
  await expect(lab.operator.resume('paused')).rejects.toMatchObject({ code: 'run_not_paused' })
  const events = await watchUntil('paused', () => false)
  expect(events.filter(({ kind }) => kind === 'version_published')).toHaveLength(4)
  expect(events.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['run_paused', 'run_resumed']))
  expect(events.at(-1)).toMatchObject({ kind: 'run_completed' })
})

test('a cancelled run ends at once; its versions stay and its agents are free', async () => {
  await submit({ name: 'cancelled', rounds: 1000 })
  await watchUntil('cancelled', published(1))
  expect(await lab.operator.cancel('cancelled')).toMatchObject({ state: 'cancelled' })
  const events = await watchUntil('cancelled', () => false)
  expect(events.some(({ kind }) => kind === 'run_cancelled')).toBe(true)
  const versions = await lab.operator.versions('cancelled')
  expect(versions.length).toBeGreaterThanOrEqual(2)
  await expect(lab.operator.resume('cancelled')).rejects.toMatchObject({ code: 'run_ended' })
  await submit({ name: 'after-cancel', rounds: 1 })
  expect((await watchUntil('after-cancel', () => false)).at(-1)).toMatchObject({ kind: 'run_completed' })
})

test('two runs share their agents in turns, and both complete', async () => {
  await Promise.all([submit({ name: 'left', rounds: 2 }), submit({ name: 'right', rounds: 2 })])
  const [left, right] = await Promise.all([watchUntil('left', () => false), watchUntil('right', () => false)])
  for (const events of [left, right]) {
    expect(events.filter(({ kind }) => kind === 'version_published')).toHaveLength(2)
    expect(events.some(({ kind }) => kind === 'session_aborted')).toBe(false)
    expect(events.at(-1)).toMatchObject({ kind: 'run_completed' })
  }
  // One live round per agent: with all agents in both, rounds of the two never overlap.
  const spans = [left, right].flatMap((events) => roundSpans(events))
  spans.sort((a, b) => a.from - b.from)
  for (const [place, span] of spans.entries()) expect(span.from).toBeGreaterThanOrEqual(spans[place - 1]?.to ?? 0)
})

test('a round asks no more participants than the plan wants', async () => {
  await submit({ name: 'sampled', rounds: 2, participants: { targetCohort: 4 } })
  const events = await watchUntil('sampled', () => false)
  const cohorts = events.filter(({ kind }) => kind === 'round_started').map(({ body }) => JSON.parse(body).cohort)
  expect(cohorts.map((cohort) => cohort.length)).toEqual([4, 4, 4])
  expect(cohorts.flat().every((id) => SITES.includes(id))).toBe(true)
  const rosters = events.filter(({ kind }) => kind === 'version_published').map(({ body }) => JSON.parse(body).roster)
  expect(rosters).toEqual([4, 4])
})

test('a site that refuses is left aside while the others suffice, and named with its reason', async () => {
  const [first] = agents.splice(0, 1)
  await first?.stop()
  const strict = startAgent(domain, {
    spiffeId: SITES[0]!,
    address: coordinator.participantsAddress,
    policy: { minimumCohort: 5 },
    journal: 'strict.sqlite',
  })
  agents.push(strict)
  await expect.poll(async () => (await lab.operator.hello(SOFTWARE_VERSION)).connected).toHaveLength(SITES.length)
  await submit({ name: 'four-suffice', rounds: 1 })
  const events = await watchUntil('four-suffice', () => false)
  const reports = events.filter(({ kind }) => kind === 'participant_ready').map(({ body }) => JSON.parse(body))
  expect(reports.find(({ ready }) => !ready)).toMatchObject({
    spiffeId: SITES[0],
    code: 'minimum_cohort_too_small',
    message: expect.stringContaining('policy.minimumCohort is 5'),
  })
  expect(events.at(-1)).toMatchObject({ kind: 'run_completed' })
})

/** From the gathering of a cohort to the version it made. */
function roundSpans(events: readonly RunEvent[]): { from: number; to: number }[] {
  const ends = events.filter(({ kind }) => kind === 'version_published' || kind === 'final_evaluated')
  return events
    .filter(({ kind }) => kind === 'round_started')
    .map((start, place) => {
      const stages = events.filter(
        ({ kind, sequence, body }) =>
          kind === 'stage' &&
          sequence > start.sequence &&
          sequence < (ends[place]?.sequence ?? Number.POSITIVE_INFINITY) &&
          JSON.parse(body).stage === 'reveal-shares',
      )
      return { from: start.atMs, to: stages[0]?.atMs ?? start.atMs }
    })
}
