import { afterEach, describe, expect, test } from 'vitest'
import { systemRng } from '../../shared/random.ts'
import type { Instruction } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import type { RosterForParticipant } from '../../shared/wire/generated/blindsum/v1/secure_aggregation.ts'
import { closeLabs, startLab } from './agent-lab.ts'

afterEach(closeLabs)
/** A roster in which nobody stands, or lines as given. */
function roster(lines: RosterForParticipant['lines'] = new Uint8Array(0)): Instruction['step'] {
  return { $case: 'shareKeys', value: { ownIndex: 1, lines, neighbours: [], threshold: 2 } }
}

async function readyLab() {
  const lab = await startLab()
  lab.prepare()
  await lab.heard('ready')
  return lab
}

test('keys are advertised once the session is in the journal', async () => {
  const lab = await readyLab()
  const sessionId = systemRng(16)
  lab.session(sessionId)
  const { request } = await lab.heard('advertised')
  expect(new Uint8Array(request.sessionId)).toEqual(sessionId)
  expect(lab.journal.knowsSession(sessionId)).toBe(true)
})

test('a session this site is not ready for is left at once', async () => {
  const lab = await startLab()
  lab.session(systemRng(16))
  expect((await lab.heard('withdrew')).request).toMatchObject({ code: 'not_ready' })
})

test.each([
  ['another model', { modelDigest: systemRng(32) }],
  ['another plan', { planDigest: systemRng(32) }],
  ['another version', { version: 1 }],
])('a session on %s than the site trained for is left at once', async (_what, change) => {
  const lab = await readyLab()
  lab.session(systemRng(16), { $case: 'advertiseKeys', value: { ...lab.digests, version: 0, ...change } })
  expect((await lab.heard('withdrew')).request).toMatchObject({ code: 'not_ready' })
})

test('a lie ends the session with the code of the check that failed', async () => {
  const lab = await readyLab()
  const sessionId = systemRng(16)
  lab.session(sessionId)
  await lab.heard('advertised')
  lab.session(sessionId, roster())
  const { request } = await lab.heard('withdrew')
  expect(request).toMatchObject({ code: 'cohort_too_small' })
  await lab.until(({ level, code }) => level === 'warn' && code === 'cohort_too_small')
  await lab.until(({ msg, completed }) => msg === 'session over' && completed === false)
  expect(lab.said.some(({ kind }) => kind === 'shared')).toBe(false)
})

test('what is not of this protocol ends the session too', async () => {
  const lab = await readyLab()
  const sessionId = systemRng(16)
  lab.session(sessionId)
  await lab.heard('advertised')
  const lines = new Uint8Array(3)
  lab.session(sessionId, roster(lines))
  await lab.heard('withdrew')
  await lab.until(({ code }) => code === 'malformed')
})

test('a second session ends the first', async () => {
  const lab = await readyLab()
  const [first, second] = [systemRng(16), systemRng(16)]
  lab.session(first)
  await lab.heard('advertised')
  lab.session(second)
  const { request } = await lab.heard('advertised', 2)
  expect(new Uint8Array(request.sessionId)).toEqual(second)
  // The first is over: its keys are gone, and nothing it is told is obeyed.
  lab.session(first, roster())
  expect((await lab.heard('withdrew')).request).toMatchObject({ code: 'session_known' })
})

test('a session id is entered once, also when it is offered again', async () => {
  const lab = await readyLab()
  const sessionId = systemRng(16)
  lab.session(sessionId)
  await lab.heard('advertised')
  lab.session(sessionId, { $case: 'sessionOver', value: { completed: false, reason: 'too_few_participants' } })
  await lab.until(({ msg }) => msg === 'session over')
  lab.session(sessionId)
  expect((await lab.heard('withdrew')).request).toMatchObject({ code: 'session_known' })
})

test('the same stage told again on a new stream gets the same bytes', async () => {
  const lab = await readyLab()
  const sessionId = systemRng(16)
  lab.session(sessionId)
  const first = await lab.heard('advertised')
  lab.cut()
  const second = await lab.heard('advertised', 2)
  expect(second.request).toEqual(first.request)
})

describe('an agent asked to stop', () => {
  test('leaves its session and says so', async () => {
    const lab = await readyLab()
    lab.session(systemRng(16))
    await lab.heard('advertised')
    await lab.end()
    expect((await lab.heard('withdrew')).request).toMatchObject({ code: 'left', message: 'the agent is stopping' })
  })
})
