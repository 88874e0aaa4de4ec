import { expect, test } from 'vitest'
import type { EventLog } from '../../../coordinator/registry/event-log.ts'
import type { RunEventBody } from '../../../coordinator/registry/run-events.ts'
import { RoundNotes } from '../../../coordinator/rounds/round-notes.ts'
import { openLog } from '../../../shared/runtime/log.ts'

test('what participants cause waits in bounded number; what the round does is always written', async () => {
  const written: string[] = []
  const events: Pick<EventLog, 'record'> = {
    record: async (_run, ...bodies) => void written.push(...bodies.map(({ kind }) => kind)),
  }
  const log = openLog({ name: 'test', level: 'silent' })
  // Safety: notes only record.
  const notes = new RoundNotes('run', 1, { events: events as EventLog, present: new Map(), log })
  const report: RunEventBody = {
    kind: 'participant_ready',
    body: { round: 1, attempt: 1, spiffeId: 'spiffe://a.example/x', ready: false, code: 'c', message: 'm' },
  }
  for (let count = 0; count < 30_000; count += 1) notes.event(report)
  notes.event({ kind: 'run_paused', body: { reason: 'r', by: 'coordinator' } })
  await notes.settled()
  expect(written).toHaveLength(20_001)
  expect(written.at(-1)).toBe('run_paused')
})
