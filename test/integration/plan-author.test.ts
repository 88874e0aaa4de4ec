/**
 * A plan signed by somebody whom the sites' policies do not name: the coordinator takes it, for its author is of the trust
 * domain; no site trains for it, and the operator reads why, per site.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { afterEvent, NO_PROGRESS } from '../../bin/run-progress.ts'
import type { Coordinator } from '../../coordinator/main.ts'
import type { RunEventBody } from '../../coordinator/registry/run-events.ts'
import {
  connectOperator,
  type LabAgent,
  type LabOperator,
  signedAs,
  startAgent,
  startLab,
} from '../coordinator/integration/lab.ts'
import { MODEL, makePlan, planDocumentOf } from '../coordinator/integration/plans.ts'
import {
  makeTrustDomain,
  OPERATOR_ID,
  SITES,
  STRANGER_ID,
  type TrustDomainFolder,
} from '../coordinator/integration/trust-domain.ts'

const THREE = SITES.slice(0, 3)

let domain: TrustDomainFolder
let coordinator: Coordinator
let lab: LabOperator
let agents: LabAgent[]

beforeAll(async () => {
  domain = await makeTrustDomain()
  coordinator = await startLab(domain)
  lab = connectOperator(domain, coordinator.operatorsAddress)
  agents = THREE.map((spiffeId) =>
    startAgent(domain, {
      spiffeId,
      address: coordinator.participantsAddress,
      policy: { planAuthors: [OPERATOR_ID] },
    }),
  )
})

afterAll(async () => {
  lab.close()
  await Promise.all(agents.map((agent) => agent.stop()))
  await coordinator.close()
  await domain.remove()
})

const documentOf = (name: string) =>
  planDocumentOf(makePlan({ name, rounds: 1, participants: { enrolled: THREE }, timing: { sessionAttempts: 1 } }))

test('nothing is trained, and the operator reads why of every site', async () => {
  const document = documentOf('strange')
  await lab.submit(document, MODEL, signedAs(domain, STRANGER_ID, document))
  let progress = NO_PROGRESS
  const reports: Record<string, unknown>[] = []
  for await (const { kind, body } of lab.operator.watch('strange', 0)) {
    if (kind === 'participant_ready') reports.push(JSON.parse(body))
    progress = afterEvent(progress, { kind, body: JSON.parse(body) } as RunEventBody)
    if (kind === 'run_paused') break
  }
  expect(agents.flatMap(({ trained }) => trained)).toEqual([])
  expect(reports.map(({ spiffeId }) => spiffeId).sort()).toEqual(THREE)
  for (const report of reports) {
    expect(report).toMatchObject({ ready: false, code: 'plan_author_not_permitted' })
    expect(report.message).toContain(STRANGER_ID)
  }
  // run watch
  expect(progress.remarks.join('\n')).toContain(`takes no part (plan_author_not_permitted): the plan is signed by`)
  // run show
  const shown = await lab.operator.show('strange')
  expect(shown.state).toBe('paused')
  expect(shown.refusals.map(({ spiffeId, code }) => [spiffeId, code])).toEqual(
    THREE.map((spiffeId) => [spiffeId, 'plan_author_not_permitted']),
  )
  expect(shown.refusals[0]?.message).toContain(STRANGER_ID)
})

test('the same sites train for an author they know', async () => {
  await lab.submit(documentOf('known'), MODEL)
  const kinds: string[] = []
  for await (const { kind } of lab.operator.watch('known', 0)) kinds.push(kind)
  expect(kinds.at(-1)).toBe('run_completed')
  expect((await lab.operator.show('known')).refusals).toEqual([])
})
