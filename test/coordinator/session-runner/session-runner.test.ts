/** The runner with the real cores on both sides, without a network: sums, dropouts, a lie that the sum betrays, an abort. */
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { Attendance } from '../../../coordinator/attendance/attendance.ts'
import { type CoordinatorDrill, NO_DRILL } from '../../../coordinator/drill.ts'
import type { ReceivedMessage } from '../../../coordinator/protocol/session.ts'
import { SessionRunner } from '../../../coordinator/session-runner/session-runner.ts'
import { advertiseKeys, maskedInputReady, obey } from '../../../participant/protocol/session.ts'
import type { ParticipantEffect, Stepped } from '../../../participant/protocol/session-state.ts'
import { cpuMaskEngine } from '../../../shared/masks/cpu-engine.ts'
import type { Instruction } from '../../../shared/protocol/messages.ts'
import { openLog } from '../../../shared/runtime/log.ts'
import { vectorLayout } from '../../../shared/vector/encoding.ts'
import { packLanes } from '../../../shared/vector/packing.ts'
import { uploadDigest } from '../../../shared/vector/upload-digest.ts'
import { instructionFromWire } from '../../../shared/wire/from-wire.ts'
import {
  environmentOf,
  type Federation,
  NOW_MS,
  openFederation,
  type Site,
  setupOf,
} from '../../protocol/federation.ts'
import { MemoryJournal } from './memory-journal.ts'

const parent = mkdtempSync(join(tmpdir(), 'blindsum-runner-'))
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(parent, 'spool-'))
})
afterAll(() => rmSync(parent, { recursive: true }))

/** A runner, and sites that attend and obey it; `silentFrom` makes a site hang up instead of obeying that instruction. */
async function lab(
  federation: Federation,
  silentFrom: Record<string, Instruction['kind']> = {},
  drill: CoordinatorDrill = NO_DRILL,
) {
  const begun = Date.now()
  const nowMs = () => NOW_MS + Date.now() - begun
  const attendance = new Attendance(nowMs)
  const { encoding } = federation
  const { setup } = federation.coordinator
  const journal = new MemoryJournal(setup, { openedAtMs: nowMs(), deadlineAtMs: nowMs() + 20_000 })
  const stages: string[] = []
  const runner = new SessionRunner(
    {
      attendance,
      engine: cpuMaskEngine(),
      bundle: () => federation.identities.bundle,
      spoolFolder: folder,
      checkpointBytes: 1,
      drill,
      nowMs,
      log: openLog({ name: 'test', level: 'silent' }),
    },
    {
      setup,
      journal,
      recorded: journal.recorded(),
      encoding,
      stageDeadlineMs: 20_000,
      joinGraceMs: 100,
      version: 0,
      onProgress: ({ stage }) => stages.at(-1) === stage || stages.push(stage),
    },
  )
  for (const site of federation.sites.values()) {
    let turn: Promise<void> = Promise.resolve()
    const detach = attendance.attach(site.spiffeId, {
      send: ({ step }) => {
        const instruction = instructionFromWire(step)
        if (instruction === null) return
        if (instruction.kind === silentFrom[site.spiffeId]) queueMicrotask(detach)
        else turn = turn.then(() => follow(runner, federation, site, instruction))
      },
      end: () => {},
    })
  }
  return { runner, stages, journal }
}

async function follow(runner: SessionRunner, federation: Federation, site: Site, instruction: Instruction) {
  const environment = environmentOf(federation, site)
  if (site.session !== null) await carryOut(runner, federation, site, obey(site.session, instruction, environment))
  else if (instruction.kind === 'advertise-keys') {
    await carryOut(runner, federation, site, advertiseKeys(setupOf(federation, site), environment))
  }
}

async function carryOut(runner: SessionRunner, federation: Federation, site: Site, stepped: Stepped) {
  site.session = stepped.session
  for (const effect of stepped.effects) await perform(runner, federation, site, effect)
}

async function perform(runner: SessionRunner, federation: Federation, site: Site, effect: ParticipantEffect) {
  switch (effect.kind) {
    case 'record':
      site.journal.record(effect.fact)
      break
    case 'send':
      // Safety: a participant's core never sends its contribution as a message; that is an upload.
      await runner.deliver(site.spiffeId, effect.message as ReceivedMessage)
      break
    case 'mask': {
      const lanes = site.lanes.slice()
      await cpuMaskEngine().accumulate(lanes, effect.masks)
      site.packed = packLanes(lanes, federation.encoding.modulusBits)
      if (site.session?.stage !== 'masked') throw new Error('masks in stage 2')
      await carryOut(runner, federation, site, maskedInputReady(site.session, uploadDigest(site.packed)))
      break
    }
    case 'upload': {
      const packed = site.packed ?? new Uint8Array(0)
      const place = runner.openUpload(site.spiffeId, packed.length)
      await place?.spool.write(place.stream, 0, packed)
      await runner.finishUpload(site.spiffeId, place, effect.contribution)
      if (site.session?.stage === 'masked') site.session = { ...site.session, acknowledged: true }
      break
    }
    case 'over':
      break
  }
}

const STAGES = ['advertise-keys', 'share-keys', 'mask-input', 'attest-survivors', 'reveal-shares', 'unmask']

test('walks all stages and comes out with the sum of everybody', async () => {
  const federation = await openFederation({ size: 4 })
  const { runner, stages } = await lab(federation)
  runner.start()
  const end = await runner.ended
  expect(end).toMatchObject({ kind: 'completed', session: { survivors: [1, 2, 3, 4] } })
  expect(end.kind === 'completed' && end.sum.scalars).toEqual({ examples: 10 + 11 + 12 + 13, lossSum: 3 })
  expect(stages).toEqual(STAGES)
  await runner.clear()
  expect(readdirSync(folder)).toEqual([])
})

test.each(['mask-input', 'attest-survivors', 'reveal-shares'] as const)(
  'goes on without a site that hangs up when it is told to %s',
  async (stage) => {
    const federation = await openFederation({ size: 5 })
    const [gone = ''] = federation.sites.keys()
    const { runner } = await lab(federation, { [gone]: stage })
    runner.start()
    const end = await runner.ended
    if (end.kind !== 'completed') throw new Error(end.kind)
    const counted = [...federation.sites.values()].filter((site) => stage !== 'mask-input' || site.spiffeId !== gone)
    expect(end.sum.scalars.examples).toBe(counted.reduce((sum, site) => sum + site.examples, 0))
  },
)

test('a sum that honest sites cannot have is refused', async () => {
  const federation = await openFederation({ size: 4 })
  const { parameterLanes } = vectorLayout(federation.encoding)
  const [liar] = federation.sites.values()
  // The second limb of `examples`: as if this site had 2^15 more of them.
  liar!.lanes[parameterLanes + 1]! += 1
  const { runner } = await lab(federation)
  runner.start()
  expect(await runner.ended).toMatchObject({
    kind: 'aborted',
    reason: 'implausible_sum',
    detail: expect.stringContaining('examples_out_of_range'),
  })
})

test.each([
  ['cut short', (file: string) => truncateSync(file, 3)],
  ['with other bytes', (file: string) => writeFileSync(file, Uint8Array.of(1), { flag: 'r+' })],
  ['gone', (file: string) => rmSync(file)],
])('a masked input %s on disk ends the session before anybody reveals', async (_what, spoil) => {
  const federation = await openFederation({ size: 4 })
  let spoilt = 0
  const reach = async (point: string | null) => {
    if (point !== 'hold-before-contribution' || spoilt > 0) return
    spoilt += 1
    spoil(join(folder, readdirSync(folder)[0] ?? ''))
  }
  const { runner, stages } = await lab(federation, {}, { reach })
  runner.start()
  expect(await runner.ended).toMatchObject({ kind: 'aborted', reason: 'coordinator_fault', named: [] })
  expect(spoilt).toBe(1)
  expect(stages).not.toContain('reveal-shares')
  await runner.clear()
  expect(readdirSync(folder)).toEqual([])
})

test('an abort that could not be kept is tried again, though a stage could not be closed meanwhile', async () => {
  const federation = await openFederation({ size: 4 })
  const { runner, stages, journal } = await lab(federation)
  const { append } = journal
  const refused: string[] = []
  let advertised = 0
  Object.assign(journal, {
    append: async (...[facts, stage]: Parameters<typeof append>) => {
      const kinds = facts.map(({ kind }) => kind)
      const refuses = kinds.includes('stage-closed') || (kinds.includes('aborted') && refused.length === 0)
      if (!refuses) {
        await append(facts, stage)
        advertised += kinds.filter((kind) => kind === 'advertised').length
        // Asked for together with the end of the stage, which is due now.
        if (advertised === federation.sites.size) runner.abort('cancelled', 'the run was cancelled')
        return
      }
      refused.push(...kinds)
      throw new Error('the disk fails')
    },
  })
  await runner.start()
  expect(await runner.ended).toMatchObject({ kind: 'aborted', reason: 'cancelled' })
  expect(refused[0]).toBe('aborted')
  expect(stages).toEqual(['advertise-keys'])
})

test('an abort from outside ends it once, and throws away what was being uploaded', async () => {
  const federation = await openFederation({ size: 4 })
  const [slow = ''] = federation.sites.keys()
  const { runner, stages } = await lab(federation, { [slow]: 'share-keys' })
  runner.start()
  runner.abort('cancelled', 'the run was cancelled')
  runner.abort('coordinator_restarted', 'again')
  expect(await runner.ended).toMatchObject({ kind: 'aborted', reason: 'cancelled', detail: 'the run was cancelled' })
  expect(stages).toEqual(['advertise-keys'])
  await runner.clear()
  expect(readdirSync(folder)).toEqual([])
})
