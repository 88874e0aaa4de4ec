/**
 * What protocol.md says of an agent killed at each drill point and started again in the live session: which facts its
 * journal holds, what the coordinator had from it, what it may still say, and who counts.
 */
import { expect } from 'vitest'
import type { DrillPoint } from '../../participant/drill.ts'
import type { JournalFact } from '../../participant/protocol/journal.ts'
import { requestDigest } from '../../participant/protocol/stage4-reveal-shares.ts'
import { updateDigest } from '../../participant/protocol/update-digest.ts'
import { encodeHex } from '../../shared/crypto/digest.ts'
import { encodingOf } from '../../shared/plan/plan-rules.ts'
import { encodeStored } from '../../shared/protocol/stored-form.ts'
import { vectorLayout } from '../../shared/vector/encoding.ts'
import { uploadDigest } from '../../shared/vector/upload-digest.ts'
import { certificateFromWire } from '../../shared/wire/from-wire.ts'
import type { Instruction } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { fixedUpdate } from './fixed-vectors.ts'
import { JOURNAL_TABLES, type SessionFacts } from './journal-on-disk.ts'
import { FOUR, type KillLab, type LabRun, OTHERS, VICTIM } from './kill-lab.ts'

/** In the order of a session. */
const FACTS = [
  'session-opened',
  'roster-accepted',
  'shared-set-accepted',
  'update-spent',
  'survivors-attested',
  'answered',
  'session-closed',
] as const satisfies readonly JournalFact['kind'][]
const MESSAGES = ['advertise-keys', 'share-keys', 'contribution', 'attest-survivors', 'reveal-shares'] as const

export interface KillPoint {
  readonly point: DrillPoint
  /** The last fact in the journal. */
  readonly fact: (typeof FACTS)[number]
  /** The last message that the coordinator had. */
  readonly sent: (typeof MESSAGES)[number] | null
  /** All it says in that session once it is back. */
  readonly says: 'withdraw' | 'reveal-shares' | null
  readonly roster: number
  readonly survivors: number
}

const left = { says: 'withdraw', roster: 4, survivors: 3 } as const
const counted = { roster: 4, survivors: 4 } as const

export const KILL_POINTS: readonly KillPoint[] = [
  { point: 'hold-after-record-session-opened', fact: 'session-opened', sent: null, ...left, roster: 3 },
  { point: 'hold-after-record-roster-accepted', fact: 'roster-accepted', sent: 'advertise-keys', ...left },
  { point: 'hold-after-share-keys', fact: 'roster-accepted', sent: 'share-keys', ...left },
  { point: 'hold-after-record-shared-set-accepted', fact: 'shared-set-accepted', sent: 'share-keys', ...left },
  { point: 'hold-after-record-update-spent', fact: 'update-spent', sent: 'share-keys', ...left },
  { point: 'hold-before-upload', fact: 'update-spent', sent: 'share-keys', ...left },
  { point: 'hold-mid-upload', fact: 'update-spent', sent: 'share-keys', ...left },
  {
    point: 'hold-after-record-survivors-attested',
    fact: 'survivors-attested',
    sent: 'contribution',
    says: 'withdraw',
    ...counted,
  },
  { point: 'hold-before-attest', fact: 'survivors-attested', sent: 'contribution', says: 'withdraw', ...counted },
  {
    point: 'hold-after-record-answered',
    fact: 'answered',
    sent: 'attest-survivors',
    says: 'reveal-shares',
    ...counted,
  },
  { point: 'hold-before-reveal', fact: 'answered', sent: 'attest-survivors', says: 'reveal-shares', ...counted },
  { point: 'hold-after-record-session-closed', fact: 'session-closed', sent: 'reveal-shares', says: null, ...counted },
]

/** A piece of an upload is 1 MiB; this many hidden units, twice, make an update of two pieces. */
const HIDDEN_OF_TWO_PIECES = 700
const PIECE_BYTES = 1024 * 1024

/** Runs two rounds, the victim killed at the point in the first of them and started again at once; checks everything. */
export async function killAndReturn(lab: KillLab, kill: KillPoint): Promise<void> {
  const { point } = kill
  const { traffic } = lab
  const earlier = traffic.uploads.length
  const isLong = point === 'hold-mid-upload'
  const victim = await lab.start(VICTIM, `${point}@1`)
  const run = await lab.submit(point, isLong ? { hidden: HIDDEN_OF_TWO_PIECES, aggregation: { clipNorm: 1000 } } : {})
  await victim.until('drill: holding', 1)
  const { session } = lastSessionOf(lab)
  if (isLong) {
    expect(vectorLayout(encodingOf(run.plan)).packedBytes).toBeGreaterThan(PIECE_BYTES)
    await traffic.until(() =>
      traffic.uploads.slice(earlier).find(({ from, bytes }) => from === VICTIM && bytes.length > 0),
    )
  }
  await victim.end('SIGKILL')
  const before = traffic.saidBy(VICTIM, session)
  expect(before.map(({ kind }) => kind)).toEqual(
    MESSAGES.slice(0, MESSAGES.indexOf(kill.sent ?? MESSAGES[0]) + (kill.sent === null ? 0 : 1)),
  )
  expectFacts(lab, kill, session)
  const { reply } = factsOf(lab, session)

  const again = await lab.start(VICTIM)
  const events = await lab.events(point)
  const said = traffic.saidBy(VICTIM, session).slice(before.length)
  expect(said.map(({ kind }) => kind)).toEqual(kill.says === null ? [] : [kill.says])
  if (kill.says === 'withdraw') expect(said[0]).toMatchObject({ code: 'session_known' })
  if (kill.says === 'reveal-shares') {
    expect(reply).not.toBeNull()
    expect(encodeStored(said[0])).toBe(encodeStored({ kind: 'reveal-shares', shares: reply }))
  }

  const published = events.filter(({ kind }) => kind === 'version_published').map(({ body }) => body)
  const counts = [kill.survivors === 4 ? FOUR : OTHERS, FOUR]
  expect(published).toMatchObject([
    { roster: kill.roster, survivors: kill.survivors },
    { roster: 4, survivors: 4 },
  ])
  for (const [place, sites] of counts.entries()) await expectExactSum(lab, run, { round: place + 1, sites })
  expect(again.lines.some(({ msg, round }) => msg === 'masked input uploaded' && round === 2)).toBe(true)
  expectMaskedOnce(lab, run, { killedIn: session, earlier, isCut: isLong })
  await again.end('SIGTERM')
  expectForgotten(lab, session)
}

/** The session that the victim was last told of. */
function lastSessionOf(lab: KillLab): { readonly session: string } {
  const told = lab.traffic.meant.findLast(({ to, session }) => to === VICTIM && session !== '')
  if (told === undefined) throw new Error('the victim was in a session')
  return told
}

function factsOf(lab: KillLab, session: string): SessionFacts {
  const facts = lab.journalOf(VICTIM).sessions.find(({ id }) => id === session)
  if (facts === undefined) throw new Error('the journal has the session')
  return facts
}

/** On disk: the facts up to the last one, as the coordinator told them, nothing later, and no secret but the reply. */
function expectFacts(lab: KillLab, { fact }: KillPoint, session: string): void {
  const { tables, bytes } = lab.journalOf(VICTIM)
  expect(tables).toEqual(JOURNAL_TABLES)
  const has = (kind: (typeof FACTS)[number]) => FACTS.indexOf(kind) <= FACTS.indexOf(fact)
  const told = (step: NonNullable<Instruction['step']>['$case']) => {
    const found = lab.traffic.meant.findLast(({ to, session: id, instruction }) => {
      return to === VICTIM && id === session && instruction.step?.$case === step
    })
    return found?.instruction.step
  }
  const shared = told('maskInput')
  const survivors = told('attestSurvivors')
  const request = told('revealShares')
  const isAnswered = has('answered') && !has('session-closed')
  const facts = factsOf(lab, session)
  expect(facts).toMatchObject({
    round: 1,
    roster: has('roster-accepted') ? expect.stringMatching(/^[0-9a-f]{64}$/) : null,
    shared: has('shared-set-accepted') && shared?.$case === 'maskInput' ? encodeHex(shared.value.shared) : null,
    survivors:
      has('survivors-attested') && survivors?.$case === 'attestSurvivors' ? encodeHex(survivors.value.survivors) : null,
    request:
      isAnswered && request?.$case === 'revealShares'
        ? encodeHex(requestDigest(certificateFromWire(request.value)))
        : null,
    isClosed: has('session-closed'),
  })
  expect(facts.shared !== null).toBe(has('shared-set-accepted'))
  expect(facts.survivors !== null).toBe(has('survivors-attested'))
  expect(facts.spent).toHaveLength(has('update-spent') ? 1 : 0)
  expect(facts.reply?.map(({ kind }) => kind)).toEqual(isAnswered ? FOUR.map(() => 'self-mask-seed') : undefined)
  expect(bytes.includes('"kind":"self-mask-seed"')).toBe(isAnswered)
}

/** The new version is the one before plus the mean over exactly these sites; the number of examples is exact. */
async function expectExactSum(
  lab: KillLab,
  { plan, initial }: LabRun,
  { round, sites }: { readonly round: number; readonly sites: readonly string[] },
): Promise<void> {
  const before = round === 1 ? initial : await lab.parametersOf(plan.name, round - 1)
  const after = await lab.parametersOf(plan.name, round)
  const updates = sites.map((site) => fixedUpdate(site, round, after.length))
  const weight = updates.reduce((sum, { examples }) => sum + examples, 0)
  const { laneRange, maxWeight, inputBits } = encodingOf(plan)
  const bound = (sites.length * laneRange * maxWeight) / ((2 ** (inputBits - 1) - 1) * weight) + 1e-6
  let worst = 0
  for (let place = 0; place < after.length; place += 1) {
    const mean = updates.reduce((sum, { update, examples }) => sum + examples * (update[place] ?? 0), 0) / weight
    worst = Math.max(worst, Math.abs((after[place] ?? Number.NaN) - (before[place] ?? 0) - mean))
  }
  expect(worst).toBeLessThanOrEqual(bound)
  const published = (await lab.events(plan.name)).find(({ kind, body }) => {
    return kind === 'version_published' && body.version === round
  })
  expect(published?.body.metrics).toMatchObject({ examples: weight })
}

/** Each update of the victim was masked in one session at most, the one its journal names, and came as one vector. */
function expectMaskedOnce(
  lab: KillLab,
  { plan }: LabRun,
  { killedIn, earlier, isCut }: { readonly killedIn: string; readonly earlier: number; readonly isCut: boolean },
): void {
  const { sessions } = lab.journalOf(VICTIM)
  const spent = sessions.flatMap((session) => session.spent)
  expect(new Set(spent).size).toBe(spent.length)
  for (const upload of lab.traffic.uploads.slice(earlier).filter(({ from }) => from === VICTIM)) {
    const { session, bytes } = upload
    expect(upload.isTwofold).toBe(false)
    expect(sessions.find(({ id }) => id === session)?.spent).toHaveLength(1)
    const receipts = lab.traffic.saidBy(VICTIM, session).filter((one) => one.kind === 'contribution')
    const isWhole = !(isCut && session === killedIn)
    expect(receipts).toHaveLength(isWhole ? 1 : 0)
    for (const { digest } of receipts) expect(encodeHex(digest)).toBe(encodeHex(uploadDigest(bytes)))
    expect(bytes).toHaveLength(isWhole ? vectorLayout(encodingOf(plan)).packedBytes : PIECE_BYTES)
  }
  const { update, examples, scalars } = fixedUpdate(VICTIM, 1, plan.model.parameterCount)
  const first = encodeHex(updateDigest(update, { examples, ...scalars }))
  const inKilled = sessions.find(({ id }) => id === killedIn)?.spent ?? []
  expect([[], [first]]).toContainEqual(inKilled)
  expect(sessions.filter((session) => session.spent.includes(first)).map(({ id }) => id)).toEqual(
    inKilled.length === 0 ? [] : [killedIn],
  )
}

/** Once it is over, nothing of the reply is left anywhere in the journal. */
function expectForgotten(lab: KillLab, session: string): void {
  expect(factsOf(lab, session)).toMatchObject({ isClosed: true, request: null, reply: null })
  expect(lab.journalOf(VICTIM).bytes.includes('"kind":"self-mask-seed"')).toBe(false)
}
