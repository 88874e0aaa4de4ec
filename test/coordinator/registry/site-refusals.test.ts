/** Which sites take no part of late, and why: each site's last word counts. */
import { expect, test } from 'vitest'
import type { RunEventBody, StoredEvent } from '../../../coordinator/registry/run-events.ts'
import { siteRefusals } from '../../../coordinator/registry/site-refusals.ts'

const started = (attempt: number): RunEventBody => ({
  kind: 'round_started',
  body: { round: 1, attempt, cohort: [], evaluateOnly: false },
})
const said = (spiffeId: string, attempt: number, code = ''): RunEventBody => ({
  kind: 'participant_ready',
  body: { round: 1, attempt, spiffeId, ready: code === '', code, message: code && `because of ${code}` },
})
const left = (spiffeId: string, attempt: number, code: string): RunEventBody => ({
  kind: 'participant_withdrew',
  body: { round: 1, attempt, spiffeId, code, message: `because of ${code}` },
})

function refusals(...events: RunEventBody[]): [string, string][] {
  const stored = events.map(
    ({ kind, body }, place): StoredEvent => ({ sequence: place + 1, atMs: 0, kind, body: JSON.stringify(body) }),
  )
  return siteRefusals(stored.reverse()).map(({ spiffeId, code }) => [spiffeId, code])
}

test('a refusal is told with its code and message', () => {
  const [event] = [said('a', 1, 'plan_author_not_permitted')]
  const stored = { sequence: 1, atMs: 0, kind: event!.kind, body: JSON.stringify(event!.body) }
  expect(siteRefusals([stored])).toEqual([
    { spiffeId: 'a', round: 1, code: 'plan_author_not_permitted', message: 'because of plan_author_not_permitted' },
  ])
})

test('whoever is ready since is left out, whoever leaves after it is told', () => {
  expect(refusals(started(1), said('a', 1, 'x'), said('a', 1), said('b', 1), left('b', 1, 'y'))).toEqual([['b', 'y']])
})

test('what was said holds until the attempt after the next', () => {
  expect(refusals(started(1), said('a', 1, 'x'), started(2))).toEqual([['a', 'x']])
  expect(refusals(started(1), said('a', 1, 'x'), started(2), said('a', 2))).toEqual([])
  expect(refusals(started(1), said('a', 1, 'x'), started(2), started(3))).toEqual([])
})

test('sites stand in order, each once', () => {
  expect(refusals(started(1), said('b', 1, 'x'), said('a', 1, 'y'), said('b', 1, 'z'))).toEqual([
    ['a', 'y'],
    ['b', 'z'],
  ])
})
