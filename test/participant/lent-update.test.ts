/** An update that a session has: nothing overwrites it before that session is over, whatever the agent is told or does. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Preparation } from '../../participant/preparation.ts'
import { systemRng } from '../../shared/random.ts'
import { closeLabs, freshUpdate, startLab } from './agent-lab.ts'

afterEach(closeLabs)
afterEach(() => vi.restoreAllMocks())

const completed = { $case: 'sessionOver', value: { completed: true, reason: '' } } as const

/** Tells the agent this of a session that it never entered, until it has been heard. */
async function heard(lab: Awaited<ReturnType<typeof startLab>>, step: typeof completed): Promise<void> {
  const record = vi.spyOn(lab.journal, 'record')
  lab.session(systemRng(16), step)
  await expect.poll(() => record.mock.calls.some(([{ kind }]) => kind === 'session-closed')).toBe(true)
}

/** An agent in a session, and the memory of its update. */
async function inSession() {
  const held: Float32Array[] = []
  const lend = vi.spyOn(Preparation.prototype, 'lend')
  const lab = await startLab({
    train: async ({ plan: { model } }, count) => {
      const made = freshUpdate(model.parameterCount, count)
      held.push(made.update)
      return { ok: true, ...made }
    },
  })
  lab.prepare()
  await lab.heard('ready')
  const sessionId = systemRng(16)
  lab.session(sessionId)
  await lab.heard('advertised')
  const isWhole = () => held[0]?.every((value) => value === Math.fround(0.01))
  return { lab, sessionId, isWhole, preparation: lend.mock.contexts[0] as Preparation }
}

test.each([[0], [1]])('a word about a stranger session moves nothing, the stream cut %i times', async (cuts) => {
  const { lab, isWhole } = await inSession()
  for (let cut = 1; cut <= cuts; cut += 1) {
    lab.cut()
    await lab.heard('advertised', 1 + cut)
  }
  const erased = vi.spyOn(Preparation.prototype, 'roundCompleted')
  await heard(lab, completed)
  expect(erased).not.toHaveBeenCalled()
  expect(isWhole()).toBe(true)
})

test('nor does it when there is no session: what was trained stays', async () => {
  const lab = await startLab()
  const erased = vi.spyOn(Preparation.prototype, 'roundCompleted')
  lab.prepare()
  await lab.heard('ready')
  lab.cut()
  await lab.heard('ready', 2)
  await heard(lab, completed)
  expect(erased).not.toHaveBeenCalled()
})

describe('whoever asks for it to be overwritten', () => {
  test('while its session lives, has to wait for the end of that', async () => {
    const { lab, sessionId, isWhole, preparation } = await inSession()
    preparation.forgetReport()
    preparation.roundCompleted({ runId: 'run', round: 1 })
    expect(isWhole()).toBe(true)
    await preparation.stop()
    expect(isWhole()).toBe(true)
    lab.session(sessionId, { ...completed, value: { completed: false, reason: '' } })
    await expect.poll(isWhole).toBe(false)
  })

  test('once it is over, has it', async () => {
    const { lab, sessionId, isWhole } = await inSession()
    lab.session(sessionId, completed)
    await expect.poll(isWhole).toBe(false)
  })
})
