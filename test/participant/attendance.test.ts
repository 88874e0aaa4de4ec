import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { attend } from '../../participant/attendance.ts'
import { backoffMs } from '../../participant/backoff.ts'
import { connectCoordinator } from '../../participant/connection.ts'
import type { WorkloadIdentity } from '../../shared/transport/identity-source.ts'
import type { Instruction } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { bundleOf, makeAuthority } from '../shared/identity/test-pki.ts'
import { handIdentity, identityOf, NORTH_ID, SERVER_ID } from '../shared/transport/hello.ts'
import { logLines } from './log-lines.ts'
import { closeScripted, idleBecause, startScripted } from './scripted-coordinator.ts'

let stop: AbortController
let done: Promise<void> = Promise.resolve()
beforeEach(() => {
  stop = new AbortController()
})
afterEach(async () => {
  stop.abort()
  await done
  await closeScripted()
})

/** Attends as the agent does; `told` collects the reasons of idle instructions. */
function attending(address: string, own: WorkloadIdentity = identityOf(NORTH_ID), coordinatorId = SERVER_ID) {
  const output = logLines()
  const identity = handIdentity(own)
  const connection = connectCoordinator({ address, coordinatorId, identity })
  const told: string[] = []
  let streams = 0
  const onInstruction = ({ step }: Instruction) => told.push(step?.$case === 'idle' ? step.value.reason : 'other')
  const onAttending = () => {
    streams += 1
  }
  done = attend({ connection, identity, log: output.log, signal: stop.signal, onInstruction, onAttending }).finally(
    () => connection.close(),
  )
  return { ...output, identity, told, streams: () => streams }
}

const warned = (code: string) => (line: { level: string; code?: unknown }) =>
  line.level === 'warn' && line.code === code
const still = (code: string) => (line: { level: string; code?: unknown }) =>
  line.level === 'debug' && line.code === code
const isAttending = (line: { msg: string }) => line.msg === 'attending'

test('a coordinator that appears later is found; its absence was said once', async () => {
  const first = await startScripted({})
  await first.close()
  const agent = attending(first.address)
  await agent.until(warned('server_unreachable'))
  await agent.until(still('server_unreachable'))
  await startScripted({ port: first.port, attend: (call) => call.write(idleBecause('wait')) })
  await agent.until(isAttending)
  await vi.waitFor(() => expect(agent.told).toEqual(['wait']))
  expect(agent.lines().filter(warned('server_unreachable'))).toHaveLength(1)
})

const otherRoot = makeAuthority('b.example')
const expired = { spec: { notAfter: new Date(Date.now() - 2000) } }
describe('says in one line why it does not attend', () => {
  const cases: [string, WorkloadIdentity, WorkloadIdentity][] = [
    ['server_id_wrong', identityOf('spiffe://a.example/impostor'), identityOf(NORTH_ID)],
    ['server_certificate_expired', identityOf(SERVER_ID, expired), identityOf(NORTH_ID)],
    [
      'server_certificate_issuer_untrusted',
      identityOf(SERVER_ID),
      identityOf(NORTH_ID, { trust: bundleOf([otherRoot]) }),
    ],
    [
      'own_certificate_expired',
      identityOf(SERVER_ID),
      { ...identityOf(NORTH_ID, expired), notAfterMs: Date.now() - 2000 },
    ],
    ['connection_ended', identityOf(SERVER_ID), identityOf(NORTH_ID, { issuer: otherRoot })],
  ]
  test.each(cases)('%s', async (code, server, own) => {
    const { address } = await startScripted({ identity: server, attend: (call) => call.write(idleBecause('wait')) })
    const agent = attending(address, own)
    const line = await agent.until(warned(code))
    expect(line.msg).toMatch(/^not attending: .+; trying again$/)
    await agent.until(still(code))
    expect(agent.lines().filter(warned(code))).toHaveLength(1)
    expect(agent.told).toEqual([])
  })

  test('wire_label_mismatch, naming both versions', async () => {
    const { address } = await startScripted({ hello: { wireLabel: 'blindsum/v2' } })
    const agent = attending(address)
    const line = await agent.until(warned('wire_label_mismatch'))
    expect(line.msg).toContain('blindsum/v2 (software 9.9.9)')
  })

  test('identity_mismatch, when the coordinator takes it for somebody else', async () => {
    const { address } = await startScripted({ hello: { spiffeId: 'spiffe://a.example/site/south' } })
    await attending(address).until(warned('identity_mismatch'))
  })
})

test('clocks that differ are worth a line, and no more', async () => {
  const hello = { serverTimeMs: Date.now() - 120_000 }
  const { address } = await startScripted({ hello, attend: (call) => call.write(idleBecause('wait')) })
  const agent = attending(address)
  await agent.until(isAttending)
  expect(agent.lines().some(({ msg }) => msg.includes('synchronised'))).toBe(true)
})

test('an exact repetition within a stream is dropped; a new stream tells again', async () => {
  const { address } = await startScripted({
    attend: (call, count) => {
      for (const reason of ['a', 'a', 'b', 'b', 'a']) call.write(idleBecause(reason))
      if (count === 0) call.end()
    },
  })
  const agent = attending(address)
  await agent.until(warned('attendance_ended'))
  await agent.until((line) => isAttending(line) && agent.streams() === 2)
  await vi.waitFor(() => expect(agent.told).toEqual(['a', 'b', 'a', 'a', 'b', 'a']))
})

test('a renewed certificate is presented on a new stream, at once and without a complaint', async () => {
  const { address } = await startScripted({ attend: (call, count) => call.write(idleBecause(`stream ${count}`)) })
  const agent = attending(address)
  await agent.until(isAttending)
  agent.identity.change(identityOf(NORTH_ID))
  await agent.until((line) => isAttending(line) && agent.streams() === 2)
  await vi.waitFor(() => expect(agent.told).toEqual(['stream 0', 'stream 1']))
  expect(agent.lines().filter(({ level }) => level === 'warn')).toEqual([])
})

test('pauses double up to ten seconds, at least half of each', () => {
  for (const [failures, most] of [
    [0, 250],
    [1, 500],
    [4, 4000],
    [6, 10_000],
    [1000, 10_000],
  ] as const) {
    expect(backoffMs(failures, () => 0)).toBe(most / 2)
    expect(backoffMs(failures, () => 1)).toBe(most)
  }
})
