/**
 * Four agent processes and a coordinator over mutually authenticated loopback: rounds complete with the exact sum, one of
 * them without an agent that was killed between sharing keys and uploading, which then starts again and rejoins.
 */
import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { writeExport } from '../../bin/export-folder.ts'
import type { Coordinator } from '../../coordinator/main.ts'
import { openJournal } from '../../participant/journal.ts'
import { updateDigest } from '../../participant/protocol/update-digest.ts'
import { decodeModel } from '../../shared/onnx/decode.ts'
import { extractParameters } from '../../shared/onnx/parameters.ts'
import { encodingOf } from '../../shared/plan/plan-rules.ts'
import { connectOperator, type LabOperator, startLab } from '../coordinator/integration/lab.ts'
import { MODEL, makePlan, planDocumentOf } from '../coordinator/integration/plans.ts'
import { makeTrustDomain, SITES, type TrustDomainFolder } from '../coordinator/integration/trust-domain.ts'
import { AgentProcess } from './agent-process.ts'
import { fixedUpdate } from './fixed-vectors.ts'

const SITES_OF_FOUR = SITES.slice(0, 4)
const [victimId = '', ...survivorIds] = SITES_OF_FOUR
const RUN = 'killed-agent'
const plan = makePlan({
  name: RUN,
  rounds: 3,
  participants: { enrolled: SITES_OF_FOUR },
  timing: { stageDeadlineMs: 30_000, trainDeadlineMs: 30_000, joinGraceMs: 500 },
})

let domain: TrustDomainFolder
let coordinator: Coordinator
let operator: LabOperator
const processes: AgentProcess[] = []

function start(spiffeId: string, drill?: string): AgentProcess {
  const agent = new AgentProcess(domain, { spiffeId, address: coordinator.participantsAddress }, drill)
  processes.push(agent)
  return agent
}

beforeAll(async () => {
  domain = await makeTrustDomain()
  coordinator = await startLab(domain)
  operator = connectOperator(domain, coordinator.operatorsAddress)
})

afterAll(async () => {
  operator.close()
  await Promise.all(processes.map((agent) => agent.end('SIGKILL')))
  await coordinator.close()
  await domain.remove()
})

test('a round completes without an agent killed before its upload; it starts again and rejoins', async () => {
  const survivors = survivorIds.map((id) => start(id))
  const victim = start(victimId, 'hold-before-upload@2')
  await Promise.all([victim, ...survivors].map((agent) => agent.until('attending')))
  await operator.submit(planDocumentOf(plan), MODEL)

  await victim.until('drill: holding', 2)
  expect(victim.lines.map(({ msg }) => msg)).toContain('keys shared')
  // What is under way is finished, and nothing new begun: time to start the killed agent again.
  await operator.operator.pause(RUN)
  await victim.end('SIGKILL')
  await vi.waitFor(async () => expect(await operator.operator.show(RUN)).toMatchObject({ round: 2 }), 30_000)

  const again = start(victimId)
  await again.until('attending')
  await operator.operator.resume(RUN)
  const published: [unknown, unknown][] = []
  for await (const { kind, body } of operator.operator.watch(RUN, 0)) {
    const event = JSON.parse(body)
    if (kind === 'version_published') published.push([event.roster, event.survivors])
  }
  expect(published).toEqual([
    [4, 4],
    [4, 3],
    [4, 4],
  ])
  expect(again.lines.some(({ msg, round }) => msg === 'masked input uploaded' && round === 3)).toBe(true)
})

test.each([
  [1, SITES_OF_FOUR],
  [2, survivorIds],
  [3, SITES_OF_FOUR],
])('version %i is the one before plus the exact mean of those who survived', async (version, counted) => {
  const before = version === 1 ? extractParameters(decodeModel(MODEL), []).values : await parametersOf(version - 1)
  const after = await parametersOf(version)
  const updates = counted.map((id) => fixedUpdate(id, version, after.length))
  const weight = updates.reduce((sum, { examples }) => sum + examples, 0)
  const { laneRange, maxWeight, inputBits } = encodingOf(plan)
  const bound = (counted.length * laneRange * maxWeight) / ((2 ** (inputBits - 1) - 1) * weight) + 1e-6
  for (let place = 0; place < after.length; place += 1) {
    const mean = updates.reduce((sum, { update, examples }) => sum + examples * update[place]!, 0) / weight
    expect(Math.abs(after[place]! - before[place]! - mean)).toBeLessThanOrEqual(bound)
  }
})

test('the update of the killed agent is spent for ever, though no byte of it left', async () => {
  await Promise.all(processes.map((agent) => agent.end('SIGTERM')))
  const { update, examples, scalars } = fixedUpdate(victimId, 2, plan.model.parameterCount)
  const journal = openJournal(join(domain.folder, 'agents', victimId.split('/').at(-1) ?? '', 'data/journal.sqlite'))
  expect(journal.isSpent(updateDigest(update, { examples, ...scalars }))).toBe(true)
  journal.close()
})

test('agents asked to stop end with exit code 0', () => {
  const codes = processes.filter(({ spiffeId }) => spiffeId !== victimId).map((agent) => agent.end('SIGTERM'))
  return expect(Promise.all(codes)).resolves.toEqual([0, 0, 0])
})

test('no log tells a count, a loss or a vector', () => {
  const text = JSON.stringify(processes.map(({ lines }) => lines))
  const forbidden = /examples|lossSum|evalCorrect|heldOut/i
  expect(text).not.toMatch(forbidden)
})

async function parametersOf(version: number): Promise<Float32Array> {
  const out = join(mkdtempSync(join(domain.folder, 'export-')), 'out')
  await writeExport(out, operator.operator.exportVersion(RUN, String(version)))
  const bytes = new Uint8Array(readFileSync(join(out, 'model/model.onnx')))
  return extractParameters(decodeModel(bytes), []).values
}
