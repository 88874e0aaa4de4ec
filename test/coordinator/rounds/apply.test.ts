import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyMean } from '../../../coordinator/rounds/apply.ts'
import { metricsOf } from '../../../coordinator/rounds/round-metrics.ts'

const values = fc.float32Array({
  noNaN: true,
  noDefaultInfinity: true,
  min: -1e6,
  max: 1e6,
  minLength: 1,
  maxLength: 50,
})

describe('applyMean', () => {
  test('moves every parameter by the rate times the mean, rounded once', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0.001, max: 10, noNaN: true }), (parameters, rate) => {
        const mean = parameters.map((value) => value / 3)
        const applied = applyMean(parameters, mean, rate)
        expect(applied).toEqual({
          ok: true,
          parameters: parameters.map((value, place) => Math.fround(value + rate * mean[place]!)),
        })
      }),
    )
  })

  test('leaves the parameters it was given alone', () => {
    const parameters = Float32Array.of(1, 2)
    applyMean(parameters, Float32Array.of(5, 5), 1)
    expect(parameters).toEqual(Float32Array.of(1, 2))
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 3.4e38])('refuses a mean that would give %s', (bad) => {
    expect(applyMean(Float32Array.of(0, 3e38), Float32Array.of(0, bad), 1)).toMatchObject({ ok: false })
  })
})

describe('metricsOf', () => {
  test('divides sums by their own examples', () => {
    const totals = { examples: 200, trainLossSum: 50, evalExamples: 40, evalLossSum: 20, evalCorrect: 30 }
    expect(metricsOf(totals)).toEqual({
      training: { examples: 200, trainLoss: 0.25 },
      evaluation: { evalExamples: 40, evalLoss: 0.5, evalAccuracy: 0.75 },
    })
  })

  test('has no mean over no examples', () => {
    const totals = { examples: 200, trainLossSum: 50, evalExamples: 0, evalLossSum: 0, evalCorrect: 0 }
    expect(metricsOf(totals).evaluation).toEqual({})
    expect(metricsOf({ examples: 0 }).training).toEqual({})
  })
})
