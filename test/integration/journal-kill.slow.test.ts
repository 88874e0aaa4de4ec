/**
 * Agents killed without a word at every drill point, one after the other (see kill-points.ts), and where the session cannot
 * go on without them.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DRILL_POINTS } from '../../participant/drill.ts'
import { FOUR, KillLab, VICTIM } from './kill-lab.ts'
import { KILL_POINTS, killAndReturn } from './kill-points.ts'

const TRAINED_BEFORE = 'the update that was trained before the restart is used'

let lab: KillLab
beforeAll(async () => {
  lab = await KillLab.open()
})
afterAll(() => lab.close())

test('every drill point is tried', () => {
  expect(KILL_POINTS.map(({ point }) => point)).toEqual(DRILL_POINTS)
})

test.each(KILL_POINTS)('killed at $point', (kill) => killAndReturn(lab, kill))

describe('of three sites none can be missed', () => {
  const three = { participants: { enrolled: FOUR.slice(0, 3) } }

  /** Kills the victim at the point of the first attempt and starts it again; the events so far, up to `last`. */
  async function withoutVictim(name: string, point: string, last: string) {
    const victim = await lab.start(VICTIM, `${point}@1`)
    await lab.submit(name, { ...three, rounds: 1, timing: { sessionAttempts: 2 } })
    await victim.until('drill: holding', 1)
    await victim.end('SIGKILL')
    // Also a spent one: the agent was killed before it could erase it.
    expect(lab.keepsUpdate(VICTIM)).toBe(true)
    const again = await lab.start(VICTIM)
    const events = await lab.events(name, last)
    const aborted = events.filter(({ kind }) => kind === 'session_aborted').map(({ body }) => body.reason)
    return { events, aborted, again }
  }

  test('killed before it dealt: the session aborts, and the next takes the same update, never masked so far', async () => {
    const before = lab.traffic.uploads.length
    const { events, aborted, again } = await withoutVictim(
      'undealt',
      'hold-after-record-roster-accepted',
      'version_published',
    )
    expect(aborted).toEqual(['too_few_shared'])
    expect(again.lines.some(({ msg }) => msg === TRAINED_BEFORE)).toBe(true)
    expect(again.lines.some(({ msg }) => msg === 'training started')).toBe(false)
    expect(events.at(-1)?.body).toMatchObject({ roster: 3, survivors: 3 })
    const uploads = lab.traffic.uploads.slice(before).filter(({ from }) => from === VICTIM)
    expect(uploads).toHaveLength(1)
    const { sessions } = lab.journalOf(VICTIM)
    const [abandoned, entered] = sessions.slice(-2)
    expect(abandoned).toMatchObject({ isClosed: true, spent: [] })
    expect(entered).toMatchObject({ id: uploads[0]?.session, spent: [expect.any(String)] })
    await lab.events('undealt')
  })

  test('killed when its update was spent: no session is ever given that update again, though no byte of it left', async () => {
    const before = lab.traffic.uploads.length
    const { events, aborted, again } = await withoutVictim('spent', 'hold-after-record-update-spent', 'run_paused')
    expect(aborted).toEqual(['too_few_survivors', 'too_few_ready'])
    expect(again.lines.some(({ msg }) => msg === TRAINED_BEFORE)).toBe(false)
    expect(lab.keepsUpdate(VICTIM)).toBe(false)
    const refused = events.filter(({ kind, body }) => kind === 'participant_ready' && body.ready === false)
    expect(refused.find(({ body }) => body.spiffeId === VICTIM)?.body).toMatchObject({
      code: 'update_spent',
      attempt: 2,
    })
    expect(lab.traffic.uploads.slice(before).filter(({ from }) => from === VICTIM)).toEqual([])
    await lab.operator.cancel('spent')
    await lab.submit('after-spent', { rounds: 1 })
    const published = (await lab.events('after-spent')).find(({ kind }) => kind === 'version_published')
    expect(published?.body).toMatchObject({ roster: 4, survivors: 4 })
  })
})
