/** Whose masked input is let in, and when: asked before the first byte of it is kept. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Attendance } from '../../../coordinator/attendance/attendance.ts'
import type { ReceivedMessage } from '../../../coordinator/protocol/session.ts'
import { SessionRunner } from '../../../coordinator/session-runner/session-runner.ts'
import { advertiseKeys, obey } from '../../../participant/protocol/session.ts'
import { cpuMaskEngine } from '../../../shared/masks/cpu-engine.ts'
import type { Instruction } from '../../../shared/protocol/messages.ts'
import { openLog } from '../../../shared/runtime/log.ts'
import { vectorLayout } from '../../../shared/vector/encoding.ts'
import { instructionFromWire } from '../../../shared/wire/from-wire.ts'
import {
  environmentOf,
  type Federation,
  NOW_MS,
  openFederation,
  type Site,
  setupOf,
} from '../../protocol/federation.ts'
import { type Identities, makeIdentities } from '../../protocol/identities.ts'

const SIZE = 5
const STRANGER = 'spiffe://test.example/site/999'
const folder = mkdtempSync(join(tmpdir(), 'blindsum-door-'))
let identities: Identities
const runners: SessionRunner[] = []
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
})
afterAll(async () => {
  for (const runner of runners) runner.abort('cancelled', 'the test is over')
  await Promise.all(runners.map(({ ended }) => ended))
  rmSync(folder, { recursive: true })
})

/** A runner whose sites obey until they are told to mask; the first one hangs up at `leavesAt`. */
async function beforeMasking(leavesAt: Instruction['kind'] | null = null) {
  const federation = await openFederation({ size: SIZE, identities, parameterCount: 8 })
  const begun = Date.now()
  const nowMs = () => NOW_MS + Date.now() - begun
  const attendance = new Attendance(nowMs)
  const isMasking = Promise.withResolvers<void>()
  const log = openLog({ name: 'test', level: 'silent' })
  const bundle = () => identities.bundle
  const runner = new SessionRunner(
    { attendance, engine: cpuMaskEngine(), bundle, spoolFolder: folder, nowMs, log },
    {
      setup: federation.coordinator.setup,
      encoding: federation.encoding,
      stageDeadlineMs: 20_000,
      joinGraceMs: 100,
      version: 0,
      onProgress: ({ stage }) => stage === 'mask-input' && isMasking.resolve(),
    },
  )
  runners.push(runner)
  const [first] = federation.sites.keys()
  for (const site of federation.sites.values()) {
    const detach = attendance.attach(site.spiffeId, {
      send: ({ step }) => {
        const instruction = instructionFromWire(step)
        if (site.spiffeId === first && instruction?.kind === leavesAt) queueMicrotask(detach)
        else if (instruction !== null) queueMicrotask(() => obeyed(runner, federation, site, instruction))
      },
      end: () => {},
    })
  }
  const { packedBytes } = vectorLayout(federation.encoding)
  return { runner, first: first ?? '', packedBytes, isMasking: isMasking.promise }
}

function obeyed(runner: SessionRunner, federation: Federation, site: Site, instruction: Instruction): void {
  if (instruction.kind !== 'advertise-keys' && instruction.kind !== 'share-keys') return
  const environment = environmentOf(federation, site)
  const { session, effects } =
    site.session === null
      ? advertiseKeys(setupOf(federation, site), environment)
      : obey(site.session, instruction, environment)
  site.session = session
  for (const effect of effects) {
    // Safety: before it masks, a participant's core sends no contribution.
    if (effect.kind === 'send') runner.deliver(site.spiffeId, effect.message as ReceivedMessage)
  }
}

const refusedWith = (code: string) => expect.objectContaining({ code })

test('a site of U2 is let in with an input of the right length, anybody else is not', async () => {
  const { runner, first, packedBytes, isMasking } = await beforeMasking()
  runner.start()
  await isMasking
  expect(runner.openUpload(first, packedBytes)).not.toBeNull()
  expect(() => runner.openUpload(first, packedBytes - 1)).toThrow(refusedWith('wrong_length'))
  expect(() => runner.openUpload(STRANGER, packedBytes)).toThrow(refusedWith('unknown_participant'))
  expect(() => runner.uploadProgress(STRANGER)).toThrow(refusedWith('unknown_participant'))
  expect(readdirSync(folder)).toEqual([])
})

test('before masking is asked for it is too early', async () => {
  const { runner, first, packedBytes } = await beforeMasking()
  expect(() => runner.openUpload(first, packedBytes)).toThrow(refusedWith('wrong_stage'))
})

test('a site that dealt nothing is not in U2', async () => {
  const { runner, first, packedBytes, isMasking } = await beforeMasking('share-keys')
  runner.start()
  await isMasking
  expect(() => runner.openUpload(first, packedBytes)).toThrow(refusedWith('not_in_shared_set'))
})

test('a site that has left may not come back', async () => {
  const { runner, first, packedBytes, isMasking } = await beforeMasking()
  runner.start()
  await isMasking
  expect(runner.deliver(first, { kind: 'withdraw', code: 'left', message: '' })).toMatchObject({ kind: 'accepted' })
  expect(() => runner.openUpload(first, packedBytes)).toThrow(refusedWith('late'))
})

test('when the session has ended it is too late', async () => {
  const { runner, first, packedBytes, isMasking } = await beforeMasking()
  runner.start()
  await isMasking
  runner.abort('cancelled', 'by an operator')
  await runner.ended
  expect(() => runner.openUpload(first, packedBytes)).toThrow(refusedWith('late'))
})
