/** A site that leaves a live session by its own decision: the others finish without it, and the operator reads why it left. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { afterEvent, NO_PROGRESS } from '../../bin/run-progress.ts'
import type { Coordinator } from '../../coordinator/main.ts'
import type { RunEventBody } from '../../coordinator/registry/run-events.ts'
import {
  connectOperator,
  type LabAgent,
  type LabOperator,
  startAgent,
  startLab,
} from '../coordinator/integration/lab.ts'
import { MODEL, makePlan, planDocumentOf } from '../coordinator/integration/plans.ts'
import { makeTrustDomain, SITES, type TrustDomainFolder } from '../coordinator/integration/trust-domain.ts'

const [leaverId = '', ...others] = SITES.slice(0, 4)
const reached = Promise.withResolvers<void>()
const held = Promise.withResolvers<void>()

let domain: TrustDomainFolder
let coordinator: Coordinator
let lab: LabOperator
let agents: LabAgent[]

beforeAll(async () => {
  domain = await makeTrustDomain()
  coordinator = await startLab(domain)
  lab = connectOperator(domain, coordinator.operatorsAddress)
  const address = coordinator.participantsAddress
  const drill = {
    reach: async (point: string) => {
      if (point !== 'hold-before-upload') return
      reached.resolve()
      await held.promise
    },
  }
  agents = [
    startAgent(domain, { spiffeId: leaverId, address, drill }),
    ...others.map((spiffeId) => startAgent(domain, { spiffeId, address })),
  ]
})

afterAll(async () => {
  lab.close()
  await Promise.all(agents.map((agent) => agent.stop()))
  await coordinator.close()
  await domain.remove()
})

test('its code and words are in the events, in run watch and in run show', async () => {
  const participants = { enrolled: [leaverId, ...others] }
  const timing = { joinGraceMs: 20_000 }
  await lab.submit(planDocumentOf(makePlan({ name: 'left', rounds: 1, participants, timing })), MODEL)
  await reached.promise
  const stopped = agents.splice(0, 1)[0]?.stop()
  held.resolve()
  await stopped
  let progress = NO_PROGRESS
  const left: unknown[] = []
  for await (const { kind, body } of lab.operator.watch('left', 0)) {
    if (kind === 'participant_withdrew') left.push(JSON.parse(body))
    progress = afterEvent(progress, { kind, body: JSON.parse(body) } as RunEventBody)
    if (kind === 'version_published') break
  }
  expect(left).toEqual([
    { round: 1, attempt: 1, spiffeId: leaverId, code: 'left', message: expect.stringContaining('stopping') },
  ])
  expect(progress.remarks.join('\n')).toContain(`round 1: ${leaverId} left the session (left): `)
  expect((await lab.operator.show('left')).refusals).toContainEqual(
    expect.objectContaining({ spiffeId: leaverId, round: 1, code: 'left' }),
  )
})
