/**
 * Coordinators as processes, stopped and looked at while a session is live: drained in time, ended at once, refused a second
 * start, backed up and restored elsewhere; and what comes of it goes on and verifies.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runAsProcess } from '../../bin/run-commands.ts'
import {
  type CoordinatorProcess,
  type ProcessConfig,
  refusedStart,
  startProcess,
  writeConfig,
} from '../integration/coordinator-process.ts'
import { connectOperator, type LabAgent, startAgent } from '../integration/lab.ts'
import { MODEL, makePlan, planDocumentOf } from '../integration/plans.ts'
import {
  COORDINATOR_ID,
  makeTrustDomain,
  OPERATOR_ID,
  SITES,
  type TrustDomainFolder,
} from '../integration/trust-domain.ts'

const SHUTDOWN_SECONDS = 6

let domain: TrustDomainFolder
let config: ProcessConfig
let coordinator: CoordinatorProcess
let agents: LabAgent[]
const held = Promise.withResolvers<void>()
const reached = Promise.withResolvers<void>()

beforeAll(async () => {
  domain = await makeTrustDomain()
  // Sessions may go on for longer than there is time to stop.
  config = await writeConfig(domain, {
    limits: { drainMs: 600_000 },
    shutdownSeconds: SHUTDOWN_SECONDS,
    http: { listen: '127.0.0.1:0' },
  })
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
  const lab = connectOperator(domain, config.operators)
  const timing = { stageDeadlineMs: 200_000 }
  await lab.submit(planDocumentOf(makePlan({ name: 'stopped', rounds: 2, timing })), MODEL)
  lab.close()
  await reached.promise
})

afterAll(async () => {
  held.resolve()
  await Promise.all(agents.map((agent) => agent.stop()))
  await coordinator.end('SIGKILL')
  await domain.remove()
})

const blindsum = (...args: string[]) => runAsProcess(args)
const backup = () => join(domain.folder, 'backup')
const json = (line: string) => JSON.parse(line)

test('a second start is refused, naming pid, host and time', async () => {
  expect(await refusedStart(config.file)).toEqual({
    code: 1,
    said: expect.stringMatching(
      `^folder_in_use: .*the coordinator with pid ${coordinator.pid} on ${hostname()}, started 2\\d{3}-\\d\\d-\\d\\dT`,
    ),
  })
})

test('the folder of a coordinator in a session is whole, and can be backed up', async () => {
  const checked = await blindsum('coordinator', '--config', config.file, '--check', '--json')
  expect(json(checked.stdout)).toMatchObject({ ok: true })
  expect(checked).toMatchObject({ code: 0, stderr: '' })
  const made = await blindsum('backup', '--config', config.file, '--to', backup(), '--json')
  expect(made).toMatchObject({ code: 0, stderr: '' })
  expect(json(made.stdout)).toMatchObject({ ok: true, runs: 1, versions: 2, sessionsLeftOut: 1 })
  const again = await blindsum('backup', '--config', config.file, '--to', backup())
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('is not empty') })
})

test('a second signal ends it at once', async () => {
  const { pid } = coordinator
  const beganAt = performance.now()
  const over = coordinator.end('SIGTERM')
  const { http } = JSON.parse(readFileSync(join(domain.folder, 'coordinator', 'listening.json'), 'utf8'))
  await expect.poll(async () => (await fetch(`http://${http}/readyz`)).status).toBe(503)
  expect((await fetch(`http://${http}/healthz`)).status).toBe(200)
  process.kill(pid ?? 0, 'SIGINT')
  expect(await over).toBe(1)
  expect(performance.now() - beganAt).toBeLessThan((SHUTDOWN_SECONDS * 1000) / 2)
  coordinator = await startProcess(config.file)
})

test('one signal ends it with 0 in the time it has, though a session is live', async () => {
  const beganAt = performance.now()
  expect(await coordinator.end('SIGTERM')).toBe(0)
  expect(performance.now() - beganAt).toBeLessThan(SHUTDOWN_SECONDS * 1000)
  const checked = await blindsum('coordinator', '--config', config.file, '--check')
  expect(checked).toMatchObject({ code: 0, stdout: expect.stringContaining('1 live sessions') })
})

test('started again, it goes on with the session to the end of the run', { timeout: 120_000 }, async () => {
  coordinator = await startProcess(config.file)
  held.resolve()
  expect(await outcome()).toMatchObject({ state: 'completed', round: 2 })
  expect(await coordinator.end('SIGTERM')).toBe(0)
})

test('the backup, restored elsewhere, goes on from where it was, and its versions verify', {
  timeout: 180_000,
}, async () => {
  const elsewhere = join(domain.folder, 'elsewhere.yaml')
  writeFileSync(elsewhere, readFileSync(config.file, 'utf8').replace('./coordinator', './elsewhere'))
  const restored = await blindsum('restore', '--from', backup(), '--config', elsewhere, '--json')
  expect(restored).toMatchObject({ code: 0, stderr: '' })
  expect(json(restored.stdout)).toMatchObject({ ok: true, versions: 2, isKeyThere: true })
  expect(await blindsum('restore', '--from', backup(), '--config', elsewhere)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is not empty'),
  })
  coordinator = await startProcess(elsewhere)
  expect(await outcome()).toMatchObject({ state: 'completed', round: 2 })
  const out = join(domain.folder, 'exported')
  const { trustBundle } = domain.filesOf(COORDINATOR_ID)
  const identity = join(domain.filesOf(OPERATOR_ID).certificate, '..')
  const where = ['--coordinator', config.operators, '--server-id', COORDINATOR_ID, '--identity', identity]
  expect(await blindsum('model', 'export', 'stopped', '--out', out, ...where)).toMatchObject({ code: 0 })
  const key = join(domain.folder, 'signing.pub.pem')
  const verified = await blindsum('verify', out, '--key', key, '--trust-bundle', trustBundle, '--json')
  expect(json(verified.stdout)).toMatchObject({ ok: true, version: 2 })
  expect((await blindsum('coordinator', '--config', elsewhere, '--check')).code).toBe(0)
})

/** The run once it has ended. */
async function outcome() {
  const lab = connectOperator(domain, config.operators)
  try {
    for await (const { kind } of lab.operator.watch('stopped', 0)) if (kind === 'run_completed') break
    return (await lab.operator.list()).find(({ name }) => name === 'stopped')
  } finally {
    lab.close()
  }
}
