import { expect, test } from 'vitest'
import { bestVersion } from '../../../coordinator/registry/best-version.ts'

const judged = (version: number, evalLoss: number, evalAccuracy: number) => ({
  version,
  evaluation: { evalLoss, evalAccuracy },
})

test('the best version follows the rule of the plan, the earliest of equals', () => {
  const versions = [judged(0, 2, 0.1), judged(1, 0.5, 0.8), judged(2, 0.4, 0.7), judged(3, 0.4, 0.8)]
  expect(bestVersion(versions, 'lowest-eval-loss')).toBe(2)
  expect(bestVersion(versions, 'highest-eval-accuracy')).toBe(1)
})

test('a version that nobody has judged is never the best while another has been', () => {
  expect(bestVersion([judged(0, 9, 0), { version: 1, evaluation: null }], 'lowest-eval-loss')).toBe(0)
  expect(bestVersion([judged(0, 9, 0), { version: 1, evaluation: {} }], 'lowest-eval-loss')).toBe(0)
})

test('without any judgement it is the newest', () => {
  expect(
    bestVersion(
      [
        { version: 0, evaluation: null },
        { version: 1, evaluation: null },
      ],
      'lowest-eval-loss',
    ),
  ).toBe(1)
})
