/** The coordinator process killed in the middle of a session, stopped between rounds, and refused a start. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type CoordinatorProcess,
  type ProcessConfig,
  refusedStart,
  startProcess,
  writeConfig,
} from './coordinator-process.ts'
import { connectOperator, type LabAgent, startAgent } from './lab.ts'
import { MODEL, makePlan, planDocumentOf } from './plans.ts'
import { makeTrustDomain, SITES, type TrustDomainFolder } from './trust-domain.ts'

let domain: TrustDomainFolder
let config: ProcessConfig
let coordinator: CoordinatorProcess
let agents: LabAgent[]
const held = Promise.withResolvers<void>()
const reached = Promise.withResolvers<void>()

beforeAll(async () => {
  domain = await makeTrustDomain()
  config = await writeConfig(domain)
  coordinator = await startProcess(config.file)
  const drill = {
    reach: async (point: string, round: number) => {
      if (point !== 'hold-before-upload' || round !== 2) return
      reached.resolve()
      await held.promise
    },
  }
  agents = SITES.map((spiffeId, place) =>
    startAgent(domain, { spiffeId, address: config.participants, ...(place === 0 ? { drill } : {}) }),
  )
})

afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.stop()))
  await coordinator.end('SIGKILL')
  await domain.remove()
})

/** The run's events up to the first that `wanted` accepts, over a connection of its own. */
async function eventsUntil(run: string, wanted: (kind: string, body: Record<string, unknown>) => boolean) {
  const lab = connectOperator(domain, config.operators)
  const seen: { kind: string; body: Record<string, unknown> }[] = []
  try {
    for await (const event of lab.operator.watch(run, 0)) {
      const body = JSON.parse(event.body)
      seen.push({ kind: event.kind, body })
      if (wanted(event.kind, body)) break
    }
  } finally {
    lab.close()
  }
  return seen
}

async function submit(name: string, rounds: number) {
  const lab = connectOperator(domain, config.operators)
  await lab.submit(planDocumentOf(makePlan({ name, rounds })), MODEL)
  lab.close()
}

test('a second coordinator is refused the folder, and another the port', async () => {
  const second = await refusedStart(config.file)
  expect(second).toEqual({
    code: 1,
    said: expect.stringContaining(`in use by the coordinator with pid ${coordinator.pid}`),
  })
  const elsewhere = join(domain.folder, 'elsewhere.yaml')
  writeFileSync(elsewhere, readFileSync(config.file, 'utf8').replace('./coordinator', './elsewhere'))
  const other = await refusedStart(elsewhere)
  expect(other).toEqual({ code: 1, said: expect.stringMatching(/^port_in_use: port \d+ on 127\.0\.0\.1 is in use/) })
})

test('says where it listens in a file', () => {
  const listening = JSON.parse(readFileSync(join(domain.folder, 'coordinator', 'listening.json'), 'utf8'))
  expect(listening).toEqual({ participants: config.participants, operators: config.operators })
})

test('killed in the middle of a session, it goes on with the same session and completes the run', {
  timeout: 120_000,
}, async () => {
  await submit('killed', 2)
  await reached.promise
  await coordinator.end('SIGKILL')
  coordinator = await startProcess(config.file)
  held.resolve()
  const events = await eventsUntil('killed', () => false)
  const resumed = events.filter(({ kind }) => kind === 'session_resumed')
  expect(resumed.map(({ body }) => body)).toEqual([
    { round: 2, attempt: 1, stage: 'mask-input', session: expect.stringMatching(/^[0-9a-f]{32}$/) },
  ])
  expect(events.filter(({ kind }) => kind === 'session_aborted')).toEqual([])
  const published = events.filter(({ kind }) => kind === 'version_published')
  expect(published.map(({ body }) => [body.roster, body.survivors])).toEqual([
    [5, 5],
    [5, 5],
  ])
  const versions = events.filter(({ kind }) => kind === 'version_published').map(({ body }) => body.version)
  expect(versions).toEqual([1, 2])
  expect(events.at(-1)).toMatchObject({ kind: 'run_completed' })
})

test('stopped by SIGTERM it ends with 0, and started again it goes on where it was', { timeout: 120_000 }, async () => {
  await submit('stopped', 3)
  await eventsUntil('stopped', (kind, body) => kind === 'version_published' && body.version === 1)
  expect(await coordinator.end('SIGTERM')).toBe(0)
  coordinator = await startProcess(config.file)
  const events = await eventsUntil('stopped', () => false)
  const versions = events.filter(({ kind }) => kind === 'version_published').map(({ body }) => body.version)
  expect(versions).toEqual([1, 2, 3])
  expect(events.at(-1)).toMatchObject({ kind: 'run_completed' })
})
