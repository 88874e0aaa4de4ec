import { describe, expect, test } from 'vitest'
import { DispatchBudget, groupsFor } from '../../../../shared/masks/gpu/dispatch-plan.ts'

describe('groups', () => {
  test.each([
    [1, 1, 1],
    [1, 30, 30],
    [10_000, 30, 13],
    [70_000, 30, 1],
    [2 ** 20, 30, 1],
  ])('%d blocks and %d masks: %d', (blocks, seeds, groups) => {
    expect(groupsFor(blocks, seeds)).toBe(groups)
  })
})

describe('the budget of a dispatch', () => {
  test('starts at 64 MiB of keystream, one mask at least', () => {
    expect(new DispatchBudget().seedsFor(2 ** 14)).toBe(64)
    expect(new DispatchBudget().seedsFor(2 ** 22)).toBe(1)
  })

  test('grows on a fast GPU and shrinks on a slow one, until a dispatch takes about 40 ms', () => {
    for (const [blocksPerMs, wanted] of [
      [3_000_000, 120_000_000],
      [3_000, 120_000],
    ] as const) {
      const budget = new DispatchBudget()
      for (let dispatch = 0; dispatch < 10; dispatch += 1) {
        const expansions = budget.seedsFor(1)
        budget.learn(expansions, expansions / blocksPerMs)
      }
      expect(budget.seedsFor(1) / wanted).toBeCloseTo(1, 1)
    }
  })

  test('does not grow because little was done quickly', () => {
    const budget = new DispatchBudget()
    for (let dispatch = 0; dispatch < 20; dispatch += 1) budget.learn(100, 0.1)
    expect(budget.seedsFor(1)).toBe(2 ** 20)
  })
})
