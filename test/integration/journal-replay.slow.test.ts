/**
 * A coordinator that lies to an agent which was killed and started again in the live session: it repeats what it said, or
 * says something else. The agent has nothing but its journal, and gives the recorded reply for the recorded request, or leaves.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { idle } from '../../coordinator/attendance/attendance.ts'
import type { DrillPoint } from '../../participant/drill.ts'
import { encodeStored } from '../../shared/protocol/stored-form.ts'
import type { Instruction } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { KillLab, VICTIM } from './kill-lab.ts'

type Step = NonNullable<Instruction['step']>
type StepOf<K extends Step['$case']> = Extract<Step, { $case: K }>

let lab: KillLab
beforeAll(async () => {
  lab = await KillLab.open()
})
afterEach(() => {
  lab.traffic.passDown = () => true
  lab.traffic.passUp = () => true
})
afterAll(() => lab.close())

/** The victim killed at the point of a run's first session and started again; from now on it hears from this test only. */
async function restarted(name: string, point: DrillPoint, drill?: string) {
  const { traffic } = lab
  const victim = await lab.start(VICTIM, `${point}@1`)
  await lab.submit(name, { rounds: 1 })
  await victim.until('drill: holding', 1)
  await victim.end('SIGKILL')
  traffic.passDown = ({ to }) => to !== VICTIM
  // What it says is looked at here; the session goes on waiting for it.
  traffic.passUp = ({ from }) => from !== VICTIM
  const again = await lab.start(VICTIM, drill)
  const told = traffic.meant.findLast(({ to, session }) => to === VICTIM && session !== '')
  if (told === undefined) throw new Error('the victim was in a session')
  const { session, instruction } = told
  return {
    session,
    again,
    /** The newest step of this kind that the coordinator had for the victim in this session. */
    truth: <K extends Step['$case']>(kind: K): Promise<StepOf<K>> =>
      traffic.until(() => {
        const steps = traffic.meant.filter((one) => one.to === VICTIM && one.session === session)
        const found = steps.findLast((one) => one.instruction.step?.$case === kind)
        return found?.instruction.step as StepOf<K> | undefined
      }),
    /** Says this in the session; resolves with what the agent says to it. */
    answerTo: (step: Step) => {
      const before = traffic.saidBy(VICTIM, session).length
      // An instruction that says the same as the one before is no news to an agent.
      traffic.say(VICTIM, idle('between two lies'))
      traffic.say(VICTIM, { ...instruction, step })
      return traffic.until(() => traffic.saidBy(VICTIM, session)[before])
    },
  }
}
type Restarted = Awaited<ReturnType<typeof restarted>>

/** Lets the agent hear and be heard again, and tells it where it stands: the run comes to its end without or with it. */
async function completes(run: string): Promise<void> {
  const { traffic } = lab
  traffic.passDown = () => true
  traffic.passUp = () => true
  const standing = traffic.meant.findLast(({ to }) => to === VICTIM)
  traffic.say(VICTIM, idle('no more lies'))
  if (standing !== undefined) traffic.say(VICTIM, standing.instruction)
  expect((await lab.events(run)).at(-1)).toMatchObject({ kind: 'run_completed' })
}

const gone = { kind: 'withdraw', code: 'session_known' }
const flipped = (bytes: Uint8Array, bit: number) => bytes.map((byte, place) => (place === 0 ? byte ^ (1 << bit) : byte))

describe('asked again after a restart, it leaves', () => {
  const lies: readonly [DrillPoint, (truth: Restarted['truth']) => Promise<readonly Step[]>][] = [
    ['hold-after-record-session-opened', async (truth) => [await truth('advertiseKeys')]],
    [
      'hold-after-record-roster-accepted',
      async (truth) => {
        const roster = await truth('shareKeys')
        // Another order of the same sites is another roster.
        const whole = Buffer.from(roster.value.lines)
        const line = whole.length / 4
        const lines = Buffer.concat([whole.subarray(line, 2 * line), whole.subarray(0, line), whole.subarray(2 * line)])
        return [roster, { ...roster, value: { ...roster.value, lines } }, await truth('advertiseKeys')]
      },
    ],
    [
      'hold-after-share-keys',
      async (truth) => [await truth('shareKeys'), await truth('maskInput'), await truth('advertiseKeys')],
    ],
    ['hold-after-record-shared-set-accepted', async (truth) => [await truth('maskInput'), await truth('shareKeys')]],
    [
      'hold-after-record-update-spent',
      async (truth) => {
        const { $case, value } = await truth('maskInput')
        const another = { ...value, shared: flipped(value.shared, 0), deals: value.deals.slice(1) }
        return [
          { $case, value },
          { $case, value: another },
        ]
      },
    ],
    [
      'hold-after-record-survivors-attested',
      async (truth) => {
        const { $case, value } = await truth('attestSurvivors')
        const another = { ...value, survivors: flipped(value.survivors, 0) }
        return [{ $case, value: another }, { $case, value }, await truth('maskInput')]
      },
    ],
    [
      'hold-after-record-session-closed',
      async (truth) => [await truth('revealShares'), await truth('attestSurvivors'), await truth('advertiseKeys')],
    ],
  ]
  test.each(lies)('%s', async (point, liesFrom) => {
    const before = lab.traffic.uploads.length
    const site = await restarted(`replay-${point}`, point)
    const said = lab.traffic.saidBy(VICTIM, site.session)
    const facts = lab.journalOf(VICTIM).sessions.find(({ id }) => id === site.session)
    for (const lie of await liesFrom(site.truth)) expect(await site.answerTo(lie)).toMatchObject(gone)
    const after = lab.traffic.saidBy(VICTIM, site.session).slice(said.length)
    expect(new Set(after.map(({ kind }) => kind))).toEqual(new Set(['withdraw']))
    expect(lab.journalOf(VICTIM).sessions.find(({ id }) => id === site.session)).toEqual(facts)
    const uploads = lab.traffic.uploads.slice(before).filter(({ from, session }) => {
      return from === VICTIM && session === site.session
    })
    expect(uploads).toHaveLength(said.some(({ kind }) => kind === 'contribution') ? 1 : 0)
    await completes(`replay-${point}`)
  })
})

test('the recorded request gets the recorded bytes, any other leaves, and nothing once the session is over', async () => {
  const site = await restarted('answered', 'hold-after-record-answered')
  const { answerTo, truth, session } = site
  const recorded = lab.journalOf(VICTIM).sessions.find(({ id }) => id === session)?.reply
  expect(recorded).toHaveLength(4)
  const reply = encodeStored({ kind: 'reveal-shares', shares: recorded })
  const { $case, value } = await truth('revealShares')
  const lowest = Math.log2((value.signers[0] ?? 0) & -(value.signers[0] ?? 0))
  const fewer = { ...value, signers: flipped(value.signers, lowest), signatures: value.signatures.slice(64) }
  const resigned = { ...value, signatures: flipped(value.signatures, 0) }
  const others = { ...value, survivors: flipped(value.survivors, 0) }
  for (const lie of [fewer, resigned, others]) expect(await answerTo({ $case, value: lie })).toMatchObject(gone)
  expect(encodeStored(await answerTo({ $case, value }))).toBe(reply)
  expect(await answerTo({ $case, value: others })).toMatchObject(gone)
  expect(await answerTo(await truth('attestSurvivors'))).toMatchObject(gone)
  expect(encodeStored(await answerTo({ $case, value }))).toBe(reply)

  const over = { $case: 'sessionOver', value: { completed: false, reason: 'cancelled' } } as const
  lab.traffic.say(VICTIM, { runId: 'run', round: 1, sessionId: Buffer.from(session, 'hex'), step: over })
  await expect.poll(() => lab.journalOf(VICTIM).sessions.find(({ id }) => id === session)?.isClosed).toBe(true)
  expect(lab.journalOf(VICTIM).bytes.includes('"kind":"self-mask-seed"')).toBe(false)
  expect(await answerTo({ $case, value })).toMatchObject(gone)
  await completes('answered')
})

test('entering another session durably abandons the first: its recorded reply is never given again', async () => {
  const { traffic } = lab
  const site = await restarted('abandoned', 'hold-after-record-answered', 'hold-after-record-session-opened@1')
  const { answerTo, truth, session } = site
  const request = await truth('revealShares')
  // Nothing follows in this run, so that the coordinator still knows the session when it is asked about later.
  await lab.operator.pause('abandoned')
  traffic.passUp = () => true
  traffic.passDown = (told) => told.to !== VICTIM || told.session !== session
  expect(await answerTo(await truth('attestSurvivors'))).toMatchObject(gone)
  expect(lab.journalOf(VICTIM).sessions.find(({ id }) => id === session)).toMatchObject({ isClosed: false })
  await lab.submit('another', { rounds: 1 })
  await site.again.until('drill: holding', 1)
  await site.again.end('SIGKILL')
  const { sessions, bytes } = lab.journalOf(VICTIM)
  expect(sessions.find(({ id }) => id === session)).toMatchObject({ isClosed: true, request: null, reply: null })
  expect(sessions.at(-1)).toMatchObject({ isClosed: false, roster: null })
  expect(bytes.includes('"kind":"self-mask-seed"')).toBe(false)

  traffic.passDown = ({ to }) => to !== VICTIM
  await lab.start(VICTIM)
  expect(await answerTo(request)).toMatchObject(gone)
  await lab.operator.cancel('another')
  await lab.operator.cancel('abandoned')
})
