/**
 * How a session ends without a sum: one too few at the close of each stage, each with its own reason, and an operator's word.
 * With exactly as many as are needed it goes on.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { instructionFor } from '../../../coordinator/protocol/instructions.ts'
import { abortSession, closeStage } from '../../../coordinator/protocol/session.ts'
import type { LiveSession } from '../../../coordinator/protocol/session-state.ts'
import type { ParticipantMessage } from '../../../shared/protocol/messages.ts'
import { NOW_MS, openFederation, walkStage } from '../../protocol/federation.ts'
import { type Identities, makeIdentities } from '../../protocol/identities.ts'
import { answer, answered, SIZE } from './at-stage.ts'

let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
})

/** Lets so many of the five send this kind of message. */
const only = (count: number, kind: ParticipantMessage['kind']) => {
  const chosen = identities.sites.slice(0, count).map(({ spiffeId }) => spiffeId)
  return { up: (message: ParticipantMessage, from: string) => message.kind !== kind || chosen.includes(from) }
}

describe('five participants, of whom four are needed', () => {
  const cases = [
    ['share-keys', 'share-keys', 'too_few_shared'],
    ['mask-input', 'contribution', 'too_few_survivors'],
    ['attest-survivors', 'attest-survivors', 'too_few_signatures'],
    ['reveal-shares', 'reveal-shares', 'too_few_shares'],
  ] as const
  for (const [stage, kind, reason] of cases) {
    test(`three answer ${stage}: ${reason}`, async () => {
      const { federation, session } = await answered(stage, identities, only(3, kind))
      federation.coordinator = closeStage(session)
      expect(federation.coordinator).toMatchObject({ stage: 'aborted', reason })
      for (const { spiffeId } of identities.sites) {
        expect(instructionFor(federation.coordinator, spiffeId)).toMatchObject({
          kind: 'session-over',
          completed: false,
        })
      }
    })
    test(`four answer ${stage}`, async () => {
      const { session } = await answered(stage, identities, only(4, kind))
      expect(closeStage(session).stage).not.toBe('aborted')
    })
  }
})

describe('five participants, of whom the plan wants five', () => {
  for (const [count, stage] of [
    [4, 'aborted'],
    [5, 'share-keys'],
  ] as const) {
    test(`${count} advertise keys`, async () => {
      const federation = await openFederation({ size: SIZE, identities, parameterCount: 8, minimumCohort: 5 })
      await answer(federation, only(count, 'advertise-keys'))
      const closed = closeStage(federation.coordinator as LiveSession)
      expect(closed.stage).toBe(stage)
      if (closed.stage === 'aborted') expect(closed.reason).toBe('too_few_participants')
    })
  }
})

test('four masked inputs where the plan wants five, though four could be unmasked', async () => {
  const federation = await openFederation({ size: SIZE, identities, parameterCount: 8, minimumCohort: SIZE })
  while (federation.coordinator.stage !== 'mask-input') await walkStage(federation)
  await answer(federation, only(4, 'contribution'))
  expect(closeStage(federation.coordinator)).toMatchObject({ stage: 'aborted', reason: 'too_few_survivors' })
})

test('a roster of which too many may collude has no parameters', async () => {
  const federation = await openFederation({ size: SIZE, identities, parameterCount: 8, gammaPpm: 400_000 })
  await answer(federation)
  const closed = closeStage(federation.coordinator as LiveSession)
  expect(closed).toMatchObject({ stage: 'aborted', reason: 'no_parameters' })
})

test('with a quorum of survivors, but fewer holders of one owner among them than shares are needed', async () => {
  const { session } = await answered('mask-input', identities, only(4, 'contribution'))
  const { roster } = session
  // As on a sparse graph, where the threshold counts holders and the quorum counts everybody.
  const parameters = { ...roster.parameters, threshold: SIZE }
  const closed = closeStage({ ...session, roster: { ...roster, parameters } })
  expect(closed).toMatchObject({ stage: 'aborted', reason: 'too_few_survivors' })
})

test('an operator ends a session in any stage', async () => {
  const federation = await openFederation({ size: SIZE, identities, parameterCount: 8 })
  for (const stage of ['advertise-keys', 'share-keys', 'mask-input', 'attest-survivors', 'reveal-shares'] as const) {
    expect(federation.coordinator.stage).toBe(stage)
    const aborted = abortSession(federation.coordinator as LiveSession, 'cancelled', 'by an operator')
    expect(aborted).toMatchObject({ stage: 'aborted', reason: 'cancelled', detail: 'by an operator' })
    await walkStage(federation)
  }
})

test('who was never asked to take part is told nothing, in whichever stage', async () => {
  const federation = await openFederation({ size: SIZE, identities, parameterCount: 8 })
  for (let stage = 0; stage < 6; stage += 1) {
    expect(instructionFor(federation.coordinator, 'spiffe://test.example/site/999')).toBeNull()
    await walkStage(federation)
  }
  expect(federation.coordinator.stage).toBe('completed')
})
