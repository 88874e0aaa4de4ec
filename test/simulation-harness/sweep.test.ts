/** Sweeps over real simulations of tiny size: rows, reasons, and the figures that tables and plots are made of. */
import { describe, expect, test } from 'vitest'
import { STEPS } from '../../simulation/measure.ts'
import { simulate } from '../../simulation/simulate.ts'
import { type FailedRow, hasRun, isSweepExact, type RanRow, runSweep, type SweepRow } from '../../simulation/sweep.ts'
import { sweepFigures } from '../../simulation/sweep-figures.ts'
import { smallPlan } from './small-plan.ts'

const TINY = { lanes: 50, threads: 1, deltaPpm: 0 }

function stepOf(participants: number, gammaPpm = 50_000) {
  return { value: participants, plan: smallPlan({ ...TINY, participants, gammaPpm }) }
}

test('a row per value; an impossible one in the middle has its reason, and the sweep goes on', async () => {
  const told: [number, number][] = []
  const progress = new Set<number>()
  // Half of four may collude: nobody can be protected.
  const steps = [stepOf(5), stepOf(4, 500_000), stepOf(8)]
  const rows = await runSweep(
    { option: 'participants', steps },
    {
      onProgress: (value) => progress.add(value),
      onRow: (row, soFar) => told.push([row.value, soFar.length]),
    },
  )
  expect(rows).toMatchObject([
    { value: 5, ok: true, exact: true, plan: { participants: 5 }, parameters: { neighbours: 4 } },
    {
      value: 4,
      ok: false,
      exact: false,
      error: 'simulation_impossible',
      problems: [expect.any(String), expect.any(String)],
    },
    { value: 8, ok: true, exact: true, plan: { participants: 8 }, parameters: { neighbours: 7 } },
  ])
  expect(rows.map(hasRun)).toEqual([true, false, true])
  expect(told).toEqual([
    [5, 1],
    [4, 2],
    [8, 3],
  ])
  expect([...progress]).toEqual([5, 8])
  expect(isSweepExact(rows)).toBe(true)
})

test('what a listener throws ends the sweep', async () => {
  const seen: number[] = []
  const sweep = runSweep(
    { option: 'participants', steps: [stepOf(4, 500_000), stepOf(5)] },
    {
      onProgress: () => {},
      onRow: ({ value }) => {
        seen.push(value)
        throw new Error('disk full')
      },
    },
  )
  await expect(sweep).rejects.toThrow('disk full')
  expect(seen).toEqual([4])
})

describe('a sweep is exact', () => {
  const impossible: FailedRow = { value: 1, ok: false, exact: false, error: 'simulation_impossible', problems: ['x'] }
  const ended: FailedRow = { ...impossible, error: 'simulation_thread_failed' }
  // Safety: nothing else of a row is looked at.
  const ran = (exact: boolean) => ({ value: 2, ok: exact, exact }) as unknown as RanRow
  test.each<[string, readonly SweepRow[], boolean]>([
    ['when all are', [ran(true), ran(true)], true],
    ['when all possible are', [impossible, ran(true)], true],
    ['not when one is not', [ran(true), ran(false)], false],
    ['not when one ended early', [ran(true), ended], false],
    ['not when none was possible', [impossible], false],
    ['not without any', [], false],
  ])('%s', (_, rows, exact) => {
    expect(isSweepExact(rows)).toBe(exact)
  })
})

test('the figures are means over rounds, by stage and in all', async () => {
  const report = await simulate(smallPlan({ ...TINY, participants: 6, rounds: 2 }))
  const figures = sweepFigures(report)
  const [a, b] = report.rounds
  if (a === undefined || b === undefined) throw new Error('two rounds were asked for')
  expect(figures).toMatchObject({ participants: 6, lanes: 50, neighbours: 5, survivors: 6 })
  expect(figures.threshold).toBe(report.parameters.threshold)
  expect(figures.participantMs.inAll).toBeCloseTo((a.participantMs.mean + b.participantMs.mean) / 2, 9)
  expect(figures.coordinatorMs.inAll).toBeCloseTo((a.coordinatorMs + b.coordinatorMs) / 2, 9)
  for (const column of ['participantMs', 'upBytes', 'downBytes'] as const) {
    const { steps } = figures[column]
    expect(steps).toHaveLength(STEPS.length)
    for (const [step, mean] of steps.entries()) {
      expect(mean).toBeCloseTo(((a.steps[step]?.[column].mean ?? 0) + (b.steps[step]?.[column].mean ?? 0)) / 2, 9)
    }
  }
  expect(figures.coordinatorMs.steps[1]).toBeCloseTo(
    ((a.steps[1]?.coordinatorMs ?? 0) + (b.steps[1]?.coordinatorMs ?? 0)) / 2,
    9,
  )
  expect(figures.virtualSeconds).toBeCloseTo((a.virtualSeconds + b.virtualSeconds) / 2, 9)
})
