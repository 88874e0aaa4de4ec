/**
 * A coordinator that is away, for however long by the clock: agents wait, come back, learn where they stand, and go on with
 * what they have. Time is moved by the clock; nobody sleeps through it.
 */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { systemRng } from '../../shared/random.ts'
import { closeLabs, freshUpdate, startLab } from './agent-lab.ts'
import { idleBecause } from './scripted-coordinator.ts'

afterEach(async () => {
  await closeLabs()
  vi.useRealTimers()
})

const MINUTE_MS = 60_000

/** Sets the clock; timers run on as they are. */
function step(ms: number): void {
  vi.useFakeTimers({ toFake: ['Date'], shouldAdvanceTime: true, now: Date.now() + ms })
}

/** The agent has found out, and has tried again in vain. */
const noticed = (lab: Awaited<ReturnType<typeof startLab>>) =>
  lab.until(({ msg }) => msg.startsWith('still not attending'))

/** Certificates here are valid for an hour from a minute ago. */
const CLOCKS = [
  ['with the clock as it is', 0],
  ['55 minutes later by the clock', 55 * MINUTE_MS],
  ['with the clock set back by half a minute', -MINUTE_MS / 2],
] as const

describe.each(CLOCKS)('after an outage, %s', (_what, ms) => {
  test('a site that was ready says so again, and takes part', async () => {
    const lab = await startLab()
    lab.prepare()
    await lab.heard('ready')
    await lab.outage(async () => {
      await noticed(lab)
      step(ms)
    })
    await lab.heard('ready', 2)
    const sessionId = systemRng(16)
    lab.session(sessionId)
    const { request } = await lab.heard('advertised')
    expect(new Uint8Array(request.sessionId)).toEqual(sessionId)
    expect(lab.trainings()).toBe(1)
  })

  test('a live session goes on with the same keys', async () => {
    const lab = await startLab()
    lab.prepare()
    await lab.heard('ready')
    lab.session(systemRng(16))
    const { request } = await lab.heard('advertised')
    await lab.outage(async () => {
      await noticed(lab)
      step(ms)
    })
    expect((await lab.heard('advertised', 2)).request).toEqual(request)
  })
})

test('a site that finished its training meanwhile is heard', async () => {
  const isFinished = Promise.withResolvers<void>()
  const lab = await startLab({
    train: async ({ plan }, count) => {
      await isFinished.promise
      return { ok: true, ...freshUpdate(plan.model.parameterCount, count) }
    },
  })
  lab.prepare()
  await lab.until(({ msg }) => msg === 'training started')
  await lab.outage(async () => {
    await noticed(lab)
    isFinished.resolve()
    await lab.until(({ msg }) => msg === 'update kept')
  })
  expect((await lab.heard('ready')).report).toMatchObject({ ready: true })
  expect(lab.trainings()).toBe(1)
})

test('what was asked for before is not held on to: the present stage counts', async () => {
  const lab = await startLab()
  lab.prepare()
  await lab.heard('ready')
  const first = systemRng(16)
  lab.session(first)
  await lab.heard('advertised')
  const second = systemRng(16)
  await lab.outage(async () => {
    await noticed(lab)
    lab.session(second)
  })
  const { request } = await lab.heard('advertised', 2)
  expect(new Uint8Array(request.sessionId)).toEqual(second)
  expect(lab.trainings()).toBe(1)
})

test('an agent whose coordinator has forgotten everything waits, and keeps its update for the next attempt', async () => {
  const lab = await startLab()
  lab.prepare()
  await lab.heard('ready')
  await lab.outage(async () => {
    await noticed(lab)
    lab.tell(idleBecause('restarted'))
  })
  await lab.until(({ reason }) => reason === 'restarted')
  lab.prepare({ attempt: 2 })
  expect((await lab.heard('ready', 2)).report).toMatchObject({ ready: true, attempt: 2 })
  expect(lab.trainings()).toBe(1)
})

test('an agent that is stopped while nobody answers stops at once', async () => {
  const lab = await startLab()
  lab.prepare()
  await lab.heard('ready')
  lab.session(systemRng(16))
  await lab.heard('advertised')
  await lab.outage(async () => {
    await noticed(lab)
    const beganAtMs = performance.now()
    await lab.end()
    // The goodbye is tried for three seconds.
    expect(performance.now() - beganAtMs).toBeLessThan(6000)
  })
})
