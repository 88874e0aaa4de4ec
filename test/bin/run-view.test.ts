/** What a watcher sees of a run: on a terminal, piped, and when things go wrong. */
import { describe, expect, test } from 'vitest'
import { afterEvent, NO_PROGRESS } from '../../bin/run-progress.ts'
import { liveLine, RunView } from '../../bin/run-view.ts'
import type { RunEventBody } from '../../coordinator/registry/run-events.ts'

const SITES = ['north', 'south', 'east', 'west', 'center'].map((name) => `spiffe://demo.example/site/${name}`)

function submitted(rounds: number): RunEventBody {
  return {
    kind: 'run_submitted',
    body: { name: 'digits', by: 'spiffe://demo.example/operator/ada', rounds, enrolled: 5 },
  }
}

function started(round: number, attempt = 1, evaluateOnly = false): RunEventBody {
  return { kind: 'round_started', body: { round, attempt, cohort: SITES, evaluateOnly } }
}

function published(version: number, metrics: object): RunEventBody {
  const body = { version, modelSha256: 'ab', survivors: 4, roster: 5, bytesUpPerSite: 380_000, float32Bytes: 636_000 }
  return { kind: 'version_published', body: { ...body, metrics, seconds: 2.25 } }
}

const TWO_ROUNDS: RunEventBody[] = [
  submitted(2),
  started(1),
  { kind: 'stage', body: { round: 1, attempt: 1, stage: 'mask-input', answered: 2, of: 5 } },
  published(1, { trainLoss: 0.5, evalLoss: 2.3, evalAccuracy: 0.1 }),
  started(2),
  published(2, { trainLoss: 0.3, evalLoss: 0.6, evalAccuracy: 0.81 }),
  started(3, 1, true),
  { kind: 'final_evaluated', body: { version: 2, metrics: { evalLoss: 0.4, evalAccuracy: 0.91 }, reason: '' } },
  { kind: 'run_completed', body: { version: 2, bestVersion: 2 } },
]

function shown(events: readonly RunEventBody[], stream: { isTTY?: boolean; columns?: number } = {}): string {
  let text = ''
  const view = new RunView({ ...stream, write: (part) => (text += part) })
  for (const event of events) view.show(event)
  view.finish()
  return text
}

describe('piped', () => {
  test('one plain line per round, then the table with every version judged', () => {
    expect(shown(TWO_ROUNDS)).toBe(
      [
        'round 1/2  4 of 5 sites  train loss 0.500  accuracy so far 10.0 %  380 kB up per site (float32 636 kB)  2.3 s',
        'round 2/2  4 of 5 sites  train loss 0.300  accuracy so far 81.0 %  380 kB up per site (float32 636 kB)  2.3 s',
        '',
        'version  survivors  train loss    loss  accuracy  up per site  of float32  seconds',
        '      1  4/5            0.5000  0.6000  81.0 %    380 kB       59.7 %          2.3',
        '      2  4/5            0.3000  0.4000  91.0 %    380 kB       59.7 %          2.3',
        '',
      ].join('\n'),
    )
  })

  test('no escape sequence ever', () => {
    expect(shown(TWO_ROUNDS)).not.toContain('\u001b')
  })

  test('aborted sessions, refusing sites and pauses are told in words', () => {
    const text = shown([
      submitted(2),
      started(1),
      {
        kind: 'participant_ready',
        body: { round: 1, attempt: 1, spiffeId: SITES[0]!, ready: false, code: 'dataset_empty', message: 'no example' },
      },
      {
        kind: 'session_aborted',
        body: { round: 1, attempt: 1, attempts: 3, reason: 'too_few_survivors', detail: '2 of 5', named: [SITES[1]!] },
      },
      { kind: 'run_paused', body: { reason: 'three sessions failed', by: 'coordinator' } },
      { kind: 'run_resumed', body: { by: 'spiffe://demo.example/operator/ada' } },
      { kind: 'run_cancelled', body: { by: 'spiffe://demo.example/operator/ada' } },
    ])
    expect(text.split('\n')).toEqual([
      `  round 1: ${SITES[0]} takes no part (dataset_empty): no example`,
      `  round 1: session 1 of 3 aborted (too_few_survivors): 2 of 5; left out from now on: ${SITES[1]}; trying again`,
      '  paused by coordinator: three sessions failed',
      '  resumed by spiffe://demo.example/operator/ada',
      '',
    ])
  })
})

describe('on a terminal', () => {
  test('the live line is cleared before anything else is written', () => {
    const text = shown(TWO_ROUNDS, { isTTY: true, columns: 100 })
    expect(text).toContain('\r\u001b[2K█')
    expect(text).toContain('round 1/2  2 masked input  2 of 5')
    expect(text).toContain('judging the final version')
    expect(text.indexOf('\u001b[2Kround 1/2  4 of 5 sites')).toBeGreaterThan(0)
  })

  test('the live line never wraps', () => {
    const progress = TWO_ROUNDS.slice(0, 3).reduce(afterEvent, NO_PROGRESS)
    for (const columns of [20, 40, 80]) expect(liveLine(progress, columns).length).toBeLessThan(columns)
  })
})

test('events of a kind not known yet change nothing', () => {
  const event = { kind: 'from_the_future', body: {} } as unknown as RunEventBody
  expect(afterEvent(NO_PROGRESS, event)).toBe(NO_PROGRESS)
})

test('one reason of many sites is told once, with who else gave it', () => {
  const refusal = (spiffeId: string, code = 'too_many_sessions'): RunEventBody => ({
    kind: 'participant_ready',
    body: { round: 1, attempt: 1, spiffeId, ready: false, code, message: 'because' },
  })
  const preparing: RunEventBody = {
    kind: 'stage',
    body: { round: 1, attempt: 1, stage: 'prepare', answered: 1, of: 5 },
  }
  const paused: RunEventBody = { kind: 'run_paused', body: { reason: 'too few', by: 'coordinator' } }
  const events = [
    submitted(2),
    started(1),
    refusal('a'),
    preparing,
    refusal('b'),
    refusal('x', 'busy'),
    refusal('c'),
    paused,
  ]
  expect(shown(events).split('\n').slice(0, 4)).toEqual([
    '  round 1: a takes no part (too_many_sessions): because',
    '  round 1: x takes no part (busy): because',
    '  round 1: so it is with 2 more (too_many_sessions): b, c',
    '  paused by coordinator: too few',
  ])
})
