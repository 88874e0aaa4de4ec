/**
 * An agent killed after its stage-4 reply was recorded and before it left: started again, it holds no secret of the session
 * any more, and still answers the same request with the recorded bytes, so that the session completes.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Coordinator } from '../../coordinator/main.ts'
import { connectOperator, type LabOperator, startLab } from '../coordinator/integration/lab.ts'
import { MODEL, makePlan, planDocumentOf } from '../coordinator/integration/plans.ts'
import { makeTrustDomain, SITES, type TrustDomainFolder } from '../coordinator/integration/trust-domain.ts'
import { AgentProcess } from './agent-process.ts'

const THREE = SITES.slice(0, 3)
const RUN = 'restarted-agent'
// The coordinator waits for an absent agent long enough for it to come back.
const timing = { stageDeadlineMs: 30_000, trainDeadlineMs: 30_000, joinGraceMs: 25_000 }
const plan = makePlan({ name: RUN, rounds: 1, participants: { enrolled: THREE }, timing })

let domain: TrustDomainFolder
let coordinator: Coordinator
let operator: LabOperator
const processes: AgentProcess[] = []

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

test('the recorded reply is repeated after a restart, and deleted when the session is over', async () => {
  const address = coordinator.participantsAddress
  const victimId = THREE[0]!
  const victim = new AgentProcess(domain, { spiffeId: victimId, address }, 'hold-before-reveal@1')
  processes.push(victim, ...THREE.slice(1).map((spiffeId) => new AgentProcess(domain, { spiffeId, address })))
  await operator.submit(planDocumentOf(plan), MODEL)
  await victim.until('drill: holding', 1)
  await victim.end('SIGKILL')
  expect(journalHasReply(victimId)).toBe(true)

  const again = new AgentProcess(domain, { spiffeId: victimId, address })
  processes.push(again)
  expect(await again.until('shares revealed')).toMatchObject({ repeated: true })
  const published: unknown[] = []
  for await (const { kind, body } of operator.operator.watch(RUN, 0)) {
    if (kind === 'version_published') published.push(JSON.parse(body).survivors)
  }
  expect(published).toEqual([3])
  await again.end('SIGTERM')
  expect(journalHasReply(victimId)).toBe(false)
})

/** Whether any byte of a reply lies in the agent's folder. */
function journalHasReply(spiffeId: string): boolean {
  const folder = join(domain.folder, 'agents', spiffeId.split('/').at(-1) ?? '', 'data')
  const bytes = Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))))
  return bytes.includes('"kind":"self-mask-seed"')
}
