/**
 * Masked inputs that break the rules: refused with their code, thrown away, and the session goes on without whoever sent
 * them. One site's honest agent is held before its upload while this file misbehaves in its name.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Coordinator } from '../../../coordinator/main.ts'
import { encodingOf } from '../../../shared/plan/plan-rules.ts'
import { WIRE_LABEL } from '../../../shared/protocol/label.ts'
import { fileIdentitySource } from '../../../shared/transport/file-identity-source.ts'
import { mtlsChannel } from '../../../shared/transport/mtls-channel.ts'
import { vectorLayout } from '../../../shared/vector/encoding.ts'
import { CoordinatorClient, type Instruction } from '../../../shared/wire/generated/blindsum/v1/coordinator.ts'
import type { UploadPart } from '../../../shared/wire/generated/blindsum/v1/secure_aggregation.ts'
import { refusalFromError } from '../../../shared/wire/status.ts'
import { connectOperator, type LabAgent, type LabOperator, startAgent, startLab } from './lab.ts'
import { MODEL, makePlan, planDocumentOf } from './plans.ts'
import { COORDINATOR_ID, makeTrustDomain, SITES, type TrustDomainFolder } from './trust-domain.ts'

const [BAD, GOOD] = [SITES[0]!, SITES[1]!]
const plan = makePlan({ timing: { joinGraceMs: 15_000 }, name: 'uploads', rounds: 2 })
const { packedBytes } = vectorLayout(encodingOf(plan))

let domain: TrustDomainFolder
let coordinator: Coordinator
let agents: LabAgent[]
let lab: LabOperator
let letGo: () => void
let sessionId: Uint8Array
const clients = new Map<string, CoordinatorClient>()

beforeAll(async () => {
  domain = await makeTrustDomain()
  coordinator = await startLab(domain)
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const reached = Promise.withResolvers<void>()
  const drill = {
    reach: async (point: string, round: number) => {
      if (point !== 'hold-before-upload' || round !== 1) return
      reached.resolve()
      await held
    },
  }
  const address = coordinator.participantsAddress
  agents = SITES.map((spiffeId) => startAgent(domain, { spiffeId, address, ...(spiffeId === BAD ? { drill } : {}) }))
  lab = connectOperator(domain, coordinator.operatorsAddress)
  await lab.submit(planDocumentOf(plan), MODEL)
  await reached.promise
  sessionId = await liveSession()
  await vi.waitFor(async () => expect(await progressOf(GOOD)).toMatchObject({ complete: true }), 20_000)
})

afterAll(async () => {
  letGo()
  for (const client of clients.values()) client.close()
  lab.close()
  await Promise.all(agents.map((agent) => agent.stop()))
  await coordinator.close()
  await domain.remove()
})

function clientOf(spiffeId: string): CoordinatorClient {
  const present = clients.get(spiffeId)
  if (present !== undefined) return present
  const identity = fileIdentitySource(domain.filesOf(spiffeId))
  const address = coordinator.participantsAddress
  const channel = mtlsChannel({ address, identity, expectedServerId: COORDINATOR_ID })
  const client = new CoordinatorClient(channel.target, channel.credentials, channel.options)
  clients.set(spiffeId, client)
  identity.close()
  return client
}

/** Attends for a moment in a name of its own, to learn the session: an instruction of it names its id. */
async function liveSession(): Promise<Uint8Array> {
  const stream = clientOf(BAD).attend({ wireLabel: WIRE_LABEL, softwareVersion: '0.1.0' })
  stream.on('error', () => {})
  for await (const instruction of stream as AsyncIterable<Instruction>) {
    stream.cancel()
    return instruction.sessionId
  }
  throw new Error('the stream ended without an instruction')
}

function upload(spiffeId: string, parts: readonly UploadPart['part'][]): Promise<{ code: string; message: string }> {
  return new Promise((resolve) => {
    const call = clientOf(spiffeId).uploadMaskedInput((error, reply) =>
      resolve(error === null ? { code: 'answered', message: JSON.stringify(reply) } : refusalFromError(error)),
    )
    call.on('error', () => {})
    for (const part of parts) call.write({ part })
    call.end()
  })
}

const header = (changes: object = {}): UploadPart['part'] => ({
  $case: 'header',
  value: { sessionId, totalBytes: packedBytes, offset: 0, ...changes },
})
const chunk = (bytes: Uint8Array): UploadPart['part'] => ({ $case: 'chunk', value: bytes })
const receipt = (fill = 1): UploadPart['part'] => ({
  $case: 'contribution',
  value: { digest: new Uint8Array(32).fill(fill), signature: new Uint8Array(64).fill(fill) },
})
const zeros = (bytes: number) => new Uint8Array(bytes)

describe('while stage 2 is open', () => {
  test.each([
    ['for another session', BAD, () => [header({ sessionId: zeros(16) })], 'wrong_session'],
    ['of another length', BAD, () => [header({ totalBytes: packedBytes + 1 })], 'wrong_length'],
    ['without a header', BAD, () => [chunk(zeros(5))], 'malformed'],
    ['with two headers', BAD, () => [header(), header()], 'malformed'],
    ['with a gap', BAD, () => [header({ offset: 7 }), chunk(zeros(5))], 'malformed'],
    ['past its end', BAD, () => [header(), chunk(zeros(packedBytes + 1))], 'wrong_length'],
    ['in a chunk over 1 MiB', BAD, () => [header(), chunk(zeros(1024 * 1024 + 1))], 'malformed'],
    ['too short', BAD, () => [header(), chunk(zeros(10)), receipt()], 'wrong_length'],
    [
      'with a receipt for other bytes',
      BAD,
      () => [header({ offset: 10 }), chunk(zeros(packedBytes - 10)), receipt()],
      'digest_mismatch',
    ],
    [
      'of a site that has uploaded already',
      GOOD,
      () => [header(), chunk(zeros(packedBytes)), receipt()],
      'conflicting_repeat',
    ],
  ])('an upload %s is refused', async (_case, site, parts, code) => {
    expect(await upload(site, parts())).toMatchObject({ code })
  })

  test('a receipt that does not fit throws the bytes away', async () => {
    expect(await progressOf(BAD)).toEqual({ acknowledgedBytes: 0, complete: false })
  })

  test('an upload that breaks off keeps what was acknowledged, and other bytes in its place are refused', async () => {
    expect(await upload(BAD, [header(), chunk(zeros(40))])).toEqual({
      code: 'answered',
      message: JSON.stringify({ acknowledgedBytes: 40, complete: false }),
    })
    expect(await progressOf(BAD)).toEqual({ acknowledgedBytes: 40, complete: false })
    const other = zeros(packedBytes).fill(1)
    expect(await upload(BAD, [header(), chunk(other), receipt()])).toMatchObject({ code: 'conflicting_repeat' })
  })

  test('a message that the session rejects is answered with its code', async () => {
    const attestation = { signature: zeros(64) }
    const refusal = await new Promise((resolve) =>
      clientOf(BAD).attestSurvivors({ sessionId, attestation }, (error) => resolve(error && refusalFromError(error))),
    )
    expect(refusal).toMatchObject({ code: 'wrong_stage' })
  })

  test('bytes past the announced end are refused though the upload is complete already', async () => {
    expect(await upload(GOOD, [header(), chunk(zeros(packedBytes + 1))])).toMatchObject({ code: 'wrong_length' })
  })

  test('the others have uploaded meanwhile', async () => {
    for (const site of SITES.slice(1)) {
      await expect.poll(() => progressOf(site)).toEqual({ acknowledgedBytes: packedBytes, complete: true })
    }
  })
})

test('the session goes on without the site, and a late upload is refused and leaves nothing', async () => {
  clientOf(BAD).withdraw({ sessionId, code: 'left', message: 'the test has done enough' }, () => {})
  for await (const event of lab.operator.watch('uploads', 0)) {
    if (event.kind !== 'version_published') continue
    expect(JSON.parse(event.body)).toMatchObject({ version: 1, survivors: 4, roster: 5 })
    break
  }
  const late = await upload(BAD, [header(), chunk(zeros(packedBytes)), receipt()])
  expect(['late', 'wrong_session']).toContain(late.code)
  letGo()
  for await (const event of lab.operator.watch('uploads', 0)) {
    if (event.kind === 'run_completed') expect(JSON.parse(event.body)).toMatchObject({ version: 2 })
  }
  expect(readdirSync(join(domain.folder, 'coordinator', 'spool'))).toEqual([])
})

test('what is not meant for a site is not there for it', async () => {
  const client = clientOf(COORDINATOR_ID)
  const call = client.download({ digest: Buffer.from(plan.model.sha256, 'hex') })
  const error = await new Promise((resolve) => call.on('error', resolve).on('data', () => resolve(null)))
  expect(refusalFromError(error)).toMatchObject({ code: 'not_found' })
})

function progressOf(spiffeId: string): Promise<unknown> {
  return new Promise((resolve) =>
    clientOf(spiffeId).uploadStatus({ sessionId }, (error, reply) => resolve(error ?? { ...reply })),
  )
}
