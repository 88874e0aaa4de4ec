/**
 * The coordinator has everybody else contribute zeros. It needs no share for that: were the update of every site but one
 * overwritten while a session has it, each would mask zeros, sign and reveal in good faith, and the sum would be that one's update.
 * Real agents before a real coordinator whose attendance lies: it breaks streams off and speaks of sessions that nobody knows.
 */
import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { writeExport } from '../../bin/export-folder.ts'
import { Attendance, type AttendStream } from '../../coordinator/attendance/attendance.ts'
import type { Coordinator } from '../../coordinator/main.ts'
import { decodeModel } from '../../shared/onnx/decode.ts'
import { extractParameters } from '../../shared/onnx/parameters.ts'
import { systemRng } from '../../shared/random.ts'
import {
  connectOperator,
  knownUpdate,
  type LabAgent,
  type LabOperator,
  startAgent,
  startLab,
} from '../coordinator/integration/lab.ts'
import { MODEL, makePlan, planDocumentOf } from '../coordinator/integration/plans.ts'
import { makeTrustDomain, SITES, type TrustDomainFolder } from '../coordinator/integration/trust-domain.ts'

const FOUR = SITES.slice(0, 4)
const VICTIM = FOUR[2] ?? ''
const OTHERS = FOUR.filter((site) => site !== VICTIM)
type Send = AttendStream['send']
type Told = Parameters<Send>[0]

let domain: TrustDomainFolder
let coordinator: Coordinator
let operator: LabOperator
/** The very memory that each site trained into. */
let trained: Map<string, Float32Array>
let agents: LabAgent[]
beforeEach(async () => {
  domain = await makeTrustDomain()
  trained = new Map()
  agents = []
})
afterEach(async () => {
  vi.restoreAllMocks()
  operator.close()
  await Promise.all(agents.map((agent) => agent.stop()))
  await coordinator.close()
  await domain.remove()
})

/** Has everything that the coordinator says to others than the victim go through `lie`. */
function lieToOthers(lie: (to: { site: string; said: Told; send: Send; cut: () => void }) => void): void {
  const attach = Attendance.prototype.attach
  vi.spyOn(Attendance.prototype, 'attach').mockImplementation(function (this: Attendance, site, stream) {
    const send = stream.send.bind(stream)
    const cut = () => stream.end('shutting_down', 'a hiccup')
    const liar: AttendStream = {
      end: stream.end.bind(stream),
      send: (said) => (OTHERS.includes(site) ? lie({ site, said, send, cut }) : send(said)),
    }
    return attach.call(this, site, liar)
  })
}

async function runRound(): Promise<string[]> {
  coordinator = await startLab(domain)
  operator = connectOperator(domain, coordinator.operatorsAddress)
  const address = coordinator.participantsAddress
  for (const spiffeId of FOUR) {
    const updateOf: typeof knownUpdate = (site, round, count) => {
      const made = knownUpdate(site, round, count)
      trained.set(site, made.update)
      return made
    }
    agents.push(startAgent(domain, { spiffeId, address, updateOf }))
  }
  const timing = { stageDeadlineMs: 30_000, trainDeadlineMs: 30_000, joinGraceMs: 5000 }
  const plan = makePlan({ name: 'zeroed', rounds: 1, participants: { enrolled: FOUR }, timing })
  await operator.submit(planDocumentOf(plan), MODEL)
  const events: string[] = []
  for await (const { kind, body } of operator.operator.watch('zeroed', 0)) {
    events.push(`${kind} ${body}`)
    if (kind === 'version_published' || kind === 'run_paused') return events
  }
  return events
}

/** By how much version 1 is off the weighted mean of these sites' updates, at most. */
async function errorFrom(sites: readonly string[]): Promise<number> {
  const out = join(mkdtempSync(join(domain.folder, 'export-')), 'out')
  await writeExport(out, operator.operator.exportVersion('zeroed', '1'))
  const valuesOf = (bytes: Uint8Array) => extractParameters(decodeModel(bytes), []).values
  const [before, after] = [valuesOf(MODEL), valuesOf(new Uint8Array(readFileSync(join(out, 'model/model.onnx'))))]
  const inputs = agents.filter(({ spiffeId }) => sites.includes(spiffeId)).map((agent) => agent.trained[0]!)
  const weight = inputs.reduce((sum, { examples }) => sum + examples, 0)
  const errors = [...after].map((value, place) => {
    const mean = inputs.reduce((sum, { update, examples }) => sum + update[place]! * examples, 0) / weight
    return Math.abs(value - before[place]! - mean)
  })
  return Math.max(...errors)
}

test('by telling them, after a cut, that another session is over: the sum is that of all updates as they were trained', async () => {
  const [cutOff, liedTo] = [new Set<string>(), new Set<string>()]
  lieToOthers(({ site, said, send, cut }) => {
    if (said.step?.$case !== 'shareKeys' || liedTo.has(site)) return send(said)
    if (!cutOff.has(site)) {
      cutOff.add(site)
      return cut()
    }
    liedTo.add(site)
    const { runId, round } = said
    const over = { $case: 'sessionOver', value: { completed: true, reason: '' } } as const
    send({ runId, round, sessionId: systemRng(16), step: over })
    // An agent looks at the newest word only: this one comes when that one has been heard.
    setTimeout(() => send(said), 300)
  })
  const events = await runRound()
  expect(events.at(-1)).toContain('version_published')
  expect([...liedTo].sort()).toEqual([...OTHERS].sort())
  expect(await errorFrom(FOUR)).toBeLessThan(1e-3)
}, 60_000)

test('by whatever else overwrites an update under its session: that site leaves, and is in no sum', async () => {
  const [changed = ''] = OTHERS
  lieToOthers(({ site, said, send }) => {
    if (site === changed && said.step?.$case === 'maskInput') trained.get(site)?.fill(0)
    send(said)
  })
  const events = await runRound()
  expect(events.filter((event) => event.includes('update_changed'))).toHaveLength(1)
  expect(events.at(-1)).toContain('version_published')
  expect(await errorFrom(FOUR.filter((site) => site !== changed))).toBeLessThan(1e-3)
}, 60_000)
