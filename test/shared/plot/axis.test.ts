/** Where axes begin and end, where their ticks stand, and how a number is written on them. */
import { describe, expect, test } from 'vitest'
import { axisOver, positionOn, scaleFor } from '../../../shared/plot/axis.ts'
import { inUnit } from '../../../shared/plot/unit.ts'

describe('the scale', () => {
  test.each([
    [[10, 30, 100, 300, 1000], 'log'],
    [[1, 21], 'log'],
    [[1, 20], 'linear'],
    [[8, 16, 24], 'linear'],
    [[0, 0, 0], 'linear'],
    [[0, 5, 7], 'linear'],
    [[0, 5, 500], 'log'],
    [[], 'linear'],
  ] as const)('for %j is %s', (values, scale) => {
    expect(scaleFor(values)).toBe(scale)
  })
})

describe('a linear axis', () => {
  test('has round steps, and ends on a tick', () => {
    expect(axisOver([3, 97], 'linear', true)).toMatchObject({ low: 0, high: 100, ticks: [0, 20, 40, 60, 80, 100] })
    expect(axisOver([0, 0.1, 0.3], 'linear').ticks).toEqual([0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3])
    expect(axisOver([8, 24], 'linear').ticks).toEqual([5, 10, 15, 20, 25])
  })

  test.each([[[0]], [[7]], [[-3]], [[0, 0]], [[]], [[1e-9]], [[1e12, 3e12]], [[-5, 5]]])(
    'over %j has room for it',
    (values) => {
      const axis = axisOver(values, 'linear')
      expect(axis.high).toBeGreaterThan(axis.low)
      expect(axis.ticks.length).toBeGreaterThanOrEqual(2)
      expect(axis.ticks.length).toBeLessThanOrEqual(9)
      for (const value of [...values, ...axis.ticks]) {
        expect(positionOn(axis, value)).toBeGreaterThanOrEqual(0)
        expect(positionOn(axis, value)).toBeLessThanOrEqual(1)
      }
    },
  )
})

describe('a logarithmic axis', () => {
  test('has powers of ten, and lighter ticks between them', () => {
    const axis = axisOver([10, 1000], 'log')
    expect(axis.ticks).toEqual([10, 100, 1000])
    expect(axis.minorTicks).toEqual([9, 20, 30, 40, 50, 60, 70, 80, 90, 200, 300, 400, 500, 600, 700, 800, 900])
    expect(positionOn(axis, 100)).toBeCloseTo(0.5, 9)
    expect(positionOn(axis, 10)).toBeGreaterThan(0)
    expect(positionOn(axis, 1000)).toBeLessThan(1)
  })

  test('over small numbers has exact powers too', () => {
    expect(axisOver([0.002, 3], 'log').ticks).toEqual([0.01, 0.1, 1])
  })

  test('has 2 and 5 as well where there are few powers', () => {
    expect(axisOver([10, 300], 'log').ticks).toEqual([10, 20, 50, 100, 200])
    expect(axisOver([7], 'log').ticks).toEqual([5, 10, 20])
  })

  test('over less than a factor of two still has ticks', () => {
    const { low, high, ticks } = axisOver([22, 24], 'log')
    expect(ticks.length).toBeGreaterThanOrEqual(2)
    for (const tick of ticks) expect(tick >= low && tick <= high).toBe(true)
  })

  test('over very many powers leaves labels out, not ticks', () => {
    const { ticks, minorTicks } = axisOver([1, 1e18], 'log')
    expect(ticks.length).toBeLessThanOrEqual(8)
    expect(ticks.length + minorTicks.length).toBe(19)
  })

  test('has no place for zero, and stands without any value', () => {
    expect(axisOver([0, 10, 1000], 'log')).toEqual(axisOver([10, 1000], 'log'))
    expect(axisOver([0], 'log').high).toBeGreaterThan(1)
  })
})

test('numbers that are none are refused', () => {
  expect(() => axisOver([1, Number.NaN], 'linear')).toThrow(expect.objectContaining({ code: 'invariant_broken' }))
})

test.each([
  [1000, 'count', '1,000'],
  [250_000, 'count', '250,000'],
  [1_000_000, 'count', '1 M'],
  [2_500_000, 'count', '2.5 M'],
  [12, 'ms', '12 ms'],
  [0.1, 'ms', '100 µs'],
  [1500, 'ms', '1.5 s'],
  [100_000, 'ms', '100 s'],
  [0, 'ms', '0 ms'],
  [0, 'bytes', '0 B'],
  [999, 'bytes', '999 B'],
  [1_200_000, 'bytes', '1.2 MB'],
  [10_000, 'bytes', '10 kB'],
  [0.05, 'part', '5 %'],
  [0.025, 'part', '2.5 %'],
  [0, 'part', '0 %'],
] as const)('%d as %s is written %s', (value, unit, text) => {
  expect(inUnit(value, unit)).toBe(text)
})
