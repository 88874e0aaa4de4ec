/** A coordinator with an HTTP listener through a whole run: what it tells of itself, and what it must not. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Coordinator } from '../../../coordinator/main.ts'
import { fileIdentitySource } from '../../../shared/transport/file-identity-source.ts'
import { mtlsChannel } from '../../../shared/transport/mtls-channel.ts'
import { HealthClient } from '../../../shared/wire/generated/grpc/health/v1/health.ts'
import { connectOperator, startAgent, startLab } from '../integration/lab.ts'
import { MODEL, makePlan, planDocumentOf } from '../integration/plans.ts'
import {
  COORDINATOR_ID,
  makeTrustDomain,
  OPERATOR_ID,
  SITES,
  STRANGER_ID,
  type TrustDomainFolder,
} from '../integration/trust-domain.ts'

let domain: TrustDomainFolder
let coordinator: Coordinator

beforeAll(async () => {
  domain = await makeTrustDomain()
  coordinator = await startLab(domain, { http: { listen: '127.0.0.1:0' } })
})

afterAll(async () => {
  await coordinator.close()
  await domain.remove()
})

async function get(path: string, init: RequestInit = {}) {
  const reply = await fetch(`http://${coordinator.httpAddress}${path}`, init)
  return { status: reply.status, text: await reply.text(), type: reply.headers.get('content-type') }
}

/** The value of one line, such as `blindsum_runs{state="completed"}`; null when there is none. */
async function metric(line: string): Promise<number | null> {
  const { text } = await get('/metrics')
  const found = text.split('\n').find((candidate) => candidate.startsWith(`${line} `))
  return found === undefined ? null : Number(found.slice(line.length + 1))
}

test('is alive and ready, and knows no other pages', async () => {
  expect(await get('/healthz')).toMatchObject({ status: 200, text: 'ok\n' })
  expect(await get('/readyz')).toMatchObject({ status: 200, text: 'phase: ok\nstore: ok\ncertificate: ok\n' })
  expect(await get('/readyz', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
  expect((await get('/metrics')).type).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(await get('/')).toMatchObject({ status: 404 })
  expect(await get('/metrics', { method: 'POST', body: 'x' })).toMatchObject({ status: 405 })
})

test('a request that is too long, or never whole, is cut off', async () => {
  expect(await get('/healthz', { headers: { 'x-long': 'x'.repeat(16_000) } })).toMatchObject({ status: 431 })
  const [host = '', port = ''] = coordinator.httpAddress?.split(':') ?? []
  const slow = connect(Number(port), host)
  slow.on('error', () => undefined)
  slow.write('GET /healthz HTTP/1.1\r\n')
  slow.resume()
  await once(slow, 'close')
})

test('a connection that is no handshake is counted as refused', async () => {
  const port = Number(coordinator.participantsAddress.split(':').at(-1))
  const stranger = connect(port, '127.0.0.1')
  stranger.on('error', () => undefined)
  stranger.resume()
  stranger.write('GET / HTTP/1.1\r\n\r\n')
  await once(stranger, 'close')
  expect(await metric('blindsum_connections_accepted_total{listener="participants"}')).toBe(1)
  const { text } = await get('/metrics')
  expect(text).toMatch(/^blindsum_connections_refused_total\{listener="participants",code="[A-Za-z_]+"\} 1$/m)
  await expect.poll(() => metric('blindsum_connections{listener="participants"}')).toBe(0)
})

test('a run is counted, and nobody who took part in it is named', { timeout: 120_000 }, async () => {
  const agents = SITES.map((spiffeId) => startAgent(domain, { spiffeId, address: coordinator.participantsAddress }))
  const lab = connectOperator(domain, coordinator.operatorsAddress)
  const { runId } = await lab.submit(planDocumentOf(makePlan({ name: 'counted', rounds: 1 })), MODEL)
  for await (const { kind } of lab.operator.watch(runId, 0)) {
    if (kind !== 'version_published') continue
    expect(await metric('blindsum_participants_connected')).toBe(SITES.length)
    expect(await metric('blindsum_connections{listener="participants"}')).toBe(SITES.length)
    expect(await metric('blindsum_connections{listener="operators"}')).toBe(1)
    expect(await metric('blindsum_calls_active{service="blindsum.v1.Operator",method="watchRun"}')).toBe(1)
  }
  const stranger = connectOperator(domain, coordinator.operatorsAddress, STRANGER_ID)
  await expect(stranger.operator.hello('1')).rejects.toMatchObject({ code: 'not_permitted' })
  stranger.close()
  lab.close()
  await Promise.all(agents.map((agent) => agent.stop()))
  const { text } = await get('/metrics')
  const expected = [
    'blindsum_runs{state="completed"} 1',
    'blindsum_runs{state="running"} 0',
    'blindsum_versions_total 2',
    'blindsum_sessions_total{outcome="completed",reason=""} 2',
    'blindsum_sessions_live 0',
    'blindsum_ready 1',
    'blindsum_mask_seconds_count 2',
    'blindsum_calls_total{service="blindsum.v1.Operator",method="submitRun",code="OK"} 1',
    'blindsum_calls_total{service="blindsum.v1.Coordinator",method="uploadMaskedInput",code="OK"} 10',
    'blindsum_call_seconds_count{service="blindsum.v1.Operator",method="submitRun"} 1',
  ]
  expect(text.split('\n')).toEqual(expect.arrayContaining(expected))
  expect(await metric('blindsum_upload_bytes_total')).toBeGreaterThan(2 * SITES.length * 40)
  await expect.poll(() => metric('blindsum_connections{listener="participants"}')).toBe(0)
  expect(await metric('blindsum_calls_total{service="blindsum.v1.Coordinator",method="attend",code="CANCELLED"}')).toBe(
    SITES.length,
  )
  expect(text).not.toMatch(/blindsum_calls_total\{[^}]*code="UNKNOWN"/)
  for (const word of ['spiffe', 'lab.example', 'counted', runId, ...SITES.map((id) => id.split('/').at(-1) ?? '')]) {
    expect(text).not.toContain(word)
  }
})

test('gRPC health says the same, and knows the services by name', async () => {
  const identity = fileIdentitySource(domain.filesOf(OPERATOR_ID))
  const { target, credentials, options } = mtlsChannel({
    address: coordinator.operatorsAddress,
    identity,
    expectedServerId: COORDINATOR_ID,
  })
  const client = new HealthClient(target, credentials, options)
  const check = (service: string) =>
    new Promise((resolve) =>
      client.check({ service }, (error, reply) => resolve(error === null ? reply.status : error.code)),
    )
  expect(await check('')).toBe(1)
  expect(await check('blindsum.v1.Operator')).toBe(1)
  expect(await check('blindsum.v1.Coordinator')).toBe(5)
  const seen: number[] = []
  const watch = client.watch({ service: '' })
  watch.on('data', ({ status }) => seen.push(status))
  const ended = new Promise((resolve) => watch.on('error', resolve))
  await expect.poll(() => seen).toEqual([1])
  await coordinator.close()
  expect(await ended).toMatchObject({ details: expect.stringMatching(/^shutting_down: /) })
  expect(seen).toEqual([1, 2])
  client.close()
  identity.close()
  await expect(get('/healthz')).rejects.toThrow()
})
