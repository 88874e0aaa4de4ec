/** Which plots a sweep gets, and which of its rows are on them. */
import { describe, expect, test } from 'vitest'
import { sweepPlots } from '../../bin/sweep-plots.ts'
import { simulate } from '../../simulation/simulate.ts'
import type { Sweep, SweepRow } from '../../simulation/sweep.ts'
import type { Sweepable } from '../../simulation/sweep-spec.ts'
import { readSvg } from '../shared/plot/read-svg.ts'
import { smallPlan } from '../simulation-harness/small-plan.ts'

const plan = smallPlan({ participants: 5, lanes: 50, threads: 1 })
const report = await simulate(plan)

function rowWith(value: number, neighbours = 4, isExact = true): SweepRow {
  return { ...report, value, ok: isExact, exact: isExact, parameters: { ...report.parameters, neighbours } }
}

function sweepOf(option: Sweepable, rows: readonly SweepRow[]): Sweep {
  return { option, steps: rows.map(({ value }) => ({ value, plan })) }
}

/** Points of each line in a plot. */
function pointsIn(svg: string | undefined): readonly number[] {
  const lines = readSvg(svg ?? '').filter(({ name }) => name === 'polyline')
  return lines.map(({ attributes }) => (attributes.points ?? '').split(' ').length)
}

function plotNamed(file: string, option: Sweepable, rows: readonly SweepRow[]): string | undefined {
  return sweepPlots(sweepOf(option, rows), rows).find((plot) => plot.file === file)?.svg
}

test('those that came to the same k are one point against k', () => {
  const rows = [rowWith(0.05), rowWith(0.1), rowWith(0.2, 9)]
  expect(new Set(pointsIn(plotNamed('participant-cpu.svg', 'gamma', rows)))).toEqual(new Set([3]))
  expect(new Set(pointsIn(plotNamed('participant-cpu-against-k.svg', 'gamma', rows)))).toEqual(new Set([2]))
})

test('no plots against k where it stays the same, none at all where no sum is exact', () => {
  const same = [rowWith(8), rowWith(16)]
  expect(sweepPlots(sweepOf('bits', same), same).map(({ file }) => file)).toEqual([
    'participant-cpu.svg',
    'coordinator-cpu.svg',
    'bytes-up.svg',
    'bytes-down.svg',
  ])
  const wrong = [rowWith(8, 4, false)]
  expect(sweepPlots(sweepOf('bits', wrong), wrong)).toEqual([])
})

test('rows that are not exact, or have no figures, are not on them', () => {
  const failed = { value: 3, ok: false, exact: false, error: 'simulation_impossible', problems: ['none'] } as const
  const rows = [failed, rowWith(5), rowWith(6, 4, false), rowWith(8)]
  expect(new Set(pointsIn(plotNamed('coordinator-cpu.svg', 'participants', rows)))).toEqual(new Set([2]))
})

describe('the axis of the swept option is logarithmic beyond a factor of twenty, and never for rates', () => {
  test.each([
    ['participants', [10, 100, 1000], ['10', '100', '1,000']],
    ['participants', [10, 20, 30], ['10', '15', '20', '25', '30']],
    ['lanes', [1e4, 1e6], ['10,000', '100,000', '1 M']],
    ['dropout', [0.01, 0.3], ['0 %', '5 %', '10 %', '15 %', '20 %', '25 %', '30 %']],
  ] as const)('%s %j', (option, values, labels) => {
    const rows = values.map((value) => rowWith(value))
    const elements = readSvg(plotNamed('bytes-up.svg', option, rows) ?? '')
    const middle = elements.filter(({ attributes }) => attributes['text-anchor'] === 'middle').map(({ text }) => text)
    expect(middle.slice(0, labels.length)).toEqual(labels)
    expect(middle).toHaveLength(labels.length + 2)
  })
})
