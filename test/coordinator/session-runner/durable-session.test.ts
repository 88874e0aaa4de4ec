/** Messages that come together share a commit; a commit that fails changes nothing; what was committed comes back. */
import { beforeAll, describe, expect, test } from 'vitest'
import { NO_DRILL } from '../../../coordinator/drill.ts'
import { openSession } from '../../../coordinator/protocol/session.ts'
import { type Change, DurableSession } from '../../../coordinator/session-runner/durable-session.ts'
import { StorageFailure } from '../../../coordinator/store/storage-failure.ts'
import { advertiseKeys } from '../../../participant/protocol/session.ts'
import { encodeStored } from '../../../shared/protocol/stored-form.ts'
import { environmentOf, type Federation, NOW_MS, openFederation, setupOf } from '../../protocol/federation.ts'
import { type Identities, makeIdentities } from '../../protocol/identities.ts'
import { MemoryJournal } from './memory-journal.ts'

const SIZE = 5
let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
})

const TIMES = { openedAtMs: NOW_MS, deadlineAtMs: NOW_MS + 1000 }

async function lab(expected: readonly string[] | null = null) {
  const federation = await openFederation({ size: SIZE, identities, parameterCount: 8 })
  const { setup: own } = federation.coordinator
  const setup = expected === null ? own : { ...own, expected: new Set(expected) }
  const journal = new MemoryJournal(setup, TIMES)
  const changes: Change[] = []
  const session = new DurableSession({
    session: openSession(setup),
    stage: TIMES,
    stageDeadlineMs: 1000,
    journal,
    environment: () => ({ nowMs: NOW_MS, bundle: identities.bundle }),
    drill: NO_DRILL,
    onFault: () => {},
    onChange: (change) => changes.push(change),
  })
  return { federation, journal, session, changes }
}

/** The advertisements of all sites. */
function advertisements(federation: Federation) {
  return [...federation.sites.values()].map((site) => {
    const { effects } = advertiseKeys(setupOf(federation, site), environmentOf(federation, site))
    const sent = effects.find((effect) => effect.kind === 'send')
    if (sent?.kind !== 'send' || sent.message.kind !== 'advertise-keys') throw new Error('a session begins with keys')
    return { from: site.spiffeId, message: sent.message }
  })
}

describe('what comes in together', () => {
  test('shares one commit, and is acknowledged after it', async () => {
    const { federation, journal, session } = await lab()
    const written = Promise.withResolvers<void>()
    journal.gate = () => written.promise
    let answers = 0
    const all = advertisements(federation).map(({ from, message }) =>
      session.receive(from, message).then((outcome) => {
        answers += 1
        return outcome
      }),
    )
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(answers).toBe(0)
    expect(session.state).toMatchObject({ stage: 'advertise-keys', entries: { size: 0 } })
    written.resolve()
    expect(await Promise.all(all)).toEqual(Array.from({ length: SIZE }, () => ({ kind: 'accepted', repeated: false })))
    expect(journal.commits).toEqual([SIZE])
    expect(encodeStored(journal.recorded().session)).toBe(encodeStored(session.state))
  })

  test('shares commits when there is much of it', async () => {
    const { federation, journal, session } = await lab(
      Array.from({ length: 1000 }, (_, place) => `spiffe://x/${place}`),
    )
    const leaving = [...federation.coordinator.setup.expected, ...session.state.setup.expected].map((from) =>
      session.receive(from, { kind: 'withdraw', code: 'left', message: '' }),
    )
    const outcomes = await Promise.all(leaving)
    expect(outcomes.filter(({ kind }) => kind === 'accepted')).toHaveLength(1000)
    expect(journal.commits.reduce((sum, facts) => sum + facts, 0)).toBe(1000)
    expect(journal.commits.length).toBeLessThan(40)
  })

  test('repetitions and refusals cost no commit', async () => {
    const { federation, journal, session } = await lab()
    const [first] = advertisements(federation)
    if (first === undefined) throw new Error('there are sites')
    await session.receive(first.from, first.message)
    expect(await session.receive(first.from, first.message)).toEqual({ kind: 'accepted', repeated: true })
    expect(await session.receive('spiffe://test.example/stranger', first.message)).toMatchObject({ kind: 'rejected' })
    expect(journal.commits).toEqual([1])
  })
})

test('a commit that fails leaves everything as it was, and the same may come again', async () => {
  const { federation, journal, session, changes } = await lab()
  const full = new StorageFailure('disk_full', 'the disk is full')
  journal.gate = () => Promise.reject(full)
  const sent = advertisements(federation)
  const refused = await Promise.allSettled(sent.map(({ from, message }) => session.receive(from, message)))
  expect(refused).toEqual(sent.map(() => ({ status: 'rejected', reason: full })))
  await expect(session.close('advertise-keys')).rejects.toBe(full)
  await expect(session.abort('cancelled', 'by an operator')).rejects.toBe(full)
  expect(session.state).toMatchObject({ stage: 'advertise-keys', entries: { size: 0 } })
  expect(changes).toEqual([])
  journal.gate = async () => {}
  for (const { from, message } of sent) {
    expect(await session.receive(from, message)).toEqual({ kind: 'accepted', repeated: false })
  }
  await session.close('advertise-keys')
  expect(session.state.stage).toBe('share-keys')
  expect(session.stage).toEqual({ openedAtMs: NOW_MS, deadlineAtMs: NOW_MS + 1000 })
})

test('a stage that has closed meanwhile is not closed again, and an end is final', async () => {
  const { federation, session, changes } = await lab()
  for (const { from, message } of advertisements(federation)) await session.receive(from, message)
  await Promise.all([session.close('advertise-keys'), session.close('advertise-keys')])
  expect(session.state.stage).toBe('share-keys')
  await session.abort('cancelled', 'by an operator')
  await session.abort('cancelled', 'again')
  expect(session.state).toMatchObject({ stage: 'aborted', detail: 'by an operator' })
  const stages = changes.filter(({ before, after }) => before.stage !== after.stage).map(({ after }) => after.stage)
  expect(stages).toEqual(['share-keys', 'aborted'])
})

test('suspended, it takes nothing more, and what was being written is', async () => {
  const { federation, journal, session } = await lab()
  const [first, second] = advertisements(federation)
  if (first === undefined || second === undefined) throw new Error('there are sites')
  const [begun, written] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  journal.gate = () => {
    begun.resolve()
    return written.promise
  }
  const answered = session.receive(first.from, first.message)
  await begun.promise
  const late = session.receive(second.from, second.message)
  const suspended = session.suspend(new Error('stopping'))
  await expect(late).rejects.toThrow('stopping')
  written.resolve()
  await suspended
  expect(await answered).toEqual({ kind: 'accepted', repeated: false })
  await expect(session.receive(second.from, second.message)).rejects.toThrow('stopping')
  expect(journal.recorded().session).toMatchObject({ entries: { size: 1 } })
})
