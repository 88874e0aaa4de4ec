/** The coordinator killed without a word at each of its drill points, in a session with real agents, and started again. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { COORDINATOR_DRILL_POINTS } from '../../coordinator/drill.ts'
import { CoordinatorKillLab } from './coordinator-kill-lab.ts'
import { COORDINATOR_KILLS, expectNothingLeft, killCoordinatorAndGoOn, runOf } from './coordinator-kill-points.ts'

let lab: CoordinatorKillLab
beforeAll(async () => {
  lab = await CoordinatorKillLab.open()
})
afterEach(async () => {
  await lab.end('SIGKILL')
})
afterAll(() => lab.close())

test('every point has its test', () => {
  const tested = [
    ...COORDINATOR_KILLS.map(({ point }) => point),
    'hold-after-commit-withdrawn',
    'hold-after-commit-aborted',
  ]
  expect(tested).toEqual(COORDINATOR_DRILL_POINTS)
})

test.each(COORDINATOR_KILLS)('killed at $point', { timeout: 300_000 }, (kill) => killCoordinatorAndGoOn(lab, kill))

/** Begins a run and resolves once its first agent stands before its upload; the function lets it go on. */
async function heldBeforeUpload(name: string, drill?: string): Promise<() => void> {
  const reached = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  lab.beforeUpload = async () => {
    reached.resolve()
    await released.promise
  }
  await lab.start(drill)
  const { document, model } = runOf(name)
  await lab.operate(({ submit }) => submit(document, model))
  await reached.promise
  lab.beforeUpload = async () => {}
  return released.resolve
}

test('killed when a site had left: the session knows, and goes on without it', { timeout: 300_000 }, async () => {
  const goOn = await heldBeforeUpload('left', 'hold-after-commit-withdrawn@1')
  const stopped = lab.stopFirst()
  // It attends no longer, so its session is ending; what it held at it leaves undone, and takes its leave.
  await lab.coordinator.until('participant has gone')
  goOn()
  await lab.coordinator.until('drill: holding')
  await lab.end('SIGKILL')
  await stopped
  await lab.start()
  const events = await lab.events('left', 'version_published')
  expect(events.at(-1)?.body).toMatchObject({ version: 1, roster: 4, survivors: 3 })
  expect(events.filter(({ kind }) => kind === 'session_aborted')).toEqual([])
  lab.returnFirst()
  expect((await lab.events('left')).at(-1)).toMatchObject({ kind: 'run_completed' })
})

test('killed when its run was cancelled: no session, no version, and the agents are free', {
  timeout: 300_000,
}, async () => {
  const goOn = await heldBeforeUpload('cancelled', 'hold-after-commit-aborted@1')
  await lab.operate(({ operator }) => operator.cancel('cancelled'))
  await lab.coordinator.until('drill: holding')
  await lab.end('SIGKILL')
  goOn()
  await lab.start()
  const events = await lab.events('cancelled')
  const kinds = events.map(({ kind }) => kind).filter((kind) => kind !== 'stage' && kind !== 'participant_ready')
  expect(kinds).toEqual(['run_submitted', 'round_started', 'run_cancelled', 'session_aborted'])
  const { document, model } = runOf('free')
  await lab.operate(({ submit }) => submit(document, model))
  expect((await lab.events('free')).at(-1)).toMatchObject({ kind: 'run_completed' })
  await lab.end('SIGTERM')
  expectNothingLeft(lab, String(lab.readStore().attempts[0]?.run_id))
})

test('asked to stop in a session, it ends with 0 and goes on with the session later', {
  timeout: 300_000,
}, async () => {
  const goOn = await heldBeforeUpload('stopped')
  expect(await lab.end('SIGTERM')).toBe(0)
  const session = lab.readStore().attempts.at(-1)?.session_id
  goOn()
  await lab.start()
  const events = await lab.events('stopped')
  const resumed = events.filter(({ kind }) => kind === 'session_resumed').map(({ body }) => body)
  expect(resumed).toEqual([{ round: 1, attempt: 1, session, stage: 'mask-input' }])
  expect(events.filter(({ kind }) => kind === 'session_aborted')).toEqual([])
  expect(events.at(-1)).toMatchObject({ kind: 'run_completed' })
})
