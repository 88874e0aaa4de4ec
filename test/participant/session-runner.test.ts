/** What a session runner does by itself: its deadline, and faults on this side. The rest is in agent.test.ts and integration. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectCoordinator } from '../../participant/connection.ts'
import { type Journal, openJournal } from '../../participant/journal.ts'
import type { ParticipantSetup } from '../../participant/protocol/session-state.ts'
import { SessionRunner } from '../../participant/session-runner.ts'
import { signWithIdentity } from '../../shared/identity/identity-signature.ts'
import { cpuMaskEngine } from '../../shared/masks/cpu-engine.ts'
import { encodingOf, sessionContext } from '../../shared/plan/plan-rules.ts'
import { contextDigest } from '../../shared/protocol/context.ts'
import { systemRng } from '../../shared/random.ts'
import type { WithdrawRequest } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { handIdentity, identityOf, NORTH_ID, SERVER_ID } from '../shared/transport/hello.ts'
import { freshUpdate } from './agent-lab.ts'
import { logLines } from './log-lines.ts'
import { makePlan, parameterCount, SITES, TRUST_DOMAIN } from './plans.ts'
import { closeScripted, startScripted } from './scripted-coordinator.ts'

let folder: string
let journal: Journal
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'session-'))
  journal = openJournal(join(folder, 'journal.sqlite'))
})
afterEach(async () => {
  journal.close()
  rmSync(folder, { recursive: true })
  await closeScripted()
})

const sessionId = systemRng(16)
const plan = makePlan()
const own = identityOf(NORTH_ID)

function setup(): ParticipantSetup {
  const digests = { planDigest: systemRng(32), modelDigest: systemRng(32) }
  const context = sessionContext(plan, { trustDomain: TRUST_DOMAIN, runId: 'run', round: 1, sessionId, ...digests })
  return {
    context,
    contextDigest: contextDigest(context),
    spiffeId: NORTH_ID,
    certificateChain: own.chain,
    signWithCertificate: (statement) => signWithIdentity(own.privateKey, statement),
    enrolled: SITES,
    permitsPeer: () => true,
    minimumCohort: 3,
    admissionWindowMs: 300_000,
    sessionsPerModel: 2,
    roundsPerDay: 200,
    minimumColluders: 0,
    minimumThresholdFraction: 0.5,
    updateDigest: systemRng(32),
  }
}

/** Runs a session to its end before a coordinator that only listens. */
async function liveThrough(deadlineMs: number, kept: Journal = journal, isAway = false) {
  const heard: { advertised: number; withdrew: WithdrawRequest[] } = { advertised: 0, withdrew: [] }
  const { address, close } = await startScripted({
    calls: {
      advertiseKeys: (_call, reply) => {
        heard.advertised += 1
        reply(null, { repeated: false })
      },
      withdraw: (call, reply) => {
        heard.withdrew.push(call.request)
        reply(null, { repeated: false })
      },
    },
  })
  if (isAway) await close()
  const connection = connectCoordinator({ address, coordinatorId: SERVER_ID, identity: handIdentity(own) })
  const output = logLines()
  const runner = new SessionRunner(
    { setup: setup(), encoding: encodingOf(plan), trained: freshUpdate(parameterCount, 1), deadlineMs },
    {
      connection,
      journal: kept,
      engine: cpuMaskEngine(),
      rng: systemRng,
      bundle: () => own.bundle,
      drill: { reach: async () => {} },
      onSpent: () => {},
      log: output.log,
    },
  )
  await runner.over
  connection.close()
  return { heard, lines: output.lines() }
}

test('a session that nothing more is heard of is left at its deadline', async () => {
  const { heard, lines } = await liveThrough(400)
  expect(heard.advertised).toBe(1)
  expect(heard.withdrew).toMatchObject([{ code: 'left', message: 'the session passed its deadline' }])
  expect(lines.at(-1)).toMatchObject({ msg: 'session over', completed: false })
})

test('a session whose coordinator has gone away is left at its deadline too', async () => {
  const { heard, lines } = await liveThrough(400, journal, true)
  expect(heard).toMatchObject({ advertised: 0, withdrew: [] })
  expect(lines.at(-1)).toMatchObject({ msg: 'session over', completed: false })
})

test.each([
  ['participant_failed', new Error('a bug')],
  ['disk_full', Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 })],
  ['storage_failed', Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 778 })],
])('nothing leaves when the journal cannot be written: %s', async (code, failure) => {
  const full: Journal = {
    ...journal,
    record: () => {
      throw failure
    },
  }
  const { heard, lines } = await liveThrough(60_000, full)
  expect(heard.advertised).toBe(0)
  expect(heard.withdrew).toMatchObject([{ code }])
  expect(lines.some(({ level, msg }) => level === 'error' && msg === 'the session failed on this side')).toBe(true)
})

test('a session id known to the journal is not entered', async () => {
  journal.record({
    kind: 'session-opened',
    sessionId,
    modelDigest: systemRng(32),
    planDigest: systemRng(32),
    round: 1,
    atMs: 1,
  })
  const { heard, lines } = await liveThrough(60_000)
  expect(heard).toMatchObject({ advertised: 0, withdrew: [{ code: 'session_known' }] })
  expect(lines.some(({ level, code }) => level === 'warn' && code === 'session_known')).toBe(true)
})
