/** Faults are drawn as asked for, and the same again from the same seed. */
import { expect, test } from 'vitest'
import { drawFates, MISBEHAVIOURS } from '../../simulation/fates.ts'
import { smallPlan } from './small-plan.ts'

test('so many fall silent, spread over the stages, and so many others misbehave, in every way', () => {
  const fates = drawFates(smallPlan({ participants: 100, dropout: 0.1, corrupt: 0.2 }), 1)
  const silentFrom = fates.flatMap((fate) => (fate.kind === 'dropout' ? [fate.silentFrom] : []))
  const misbehaviours = fates.flatMap((fate) => (fate.kind === 'corrupt' ? [fate.misbehaviour] : []))
  expect(silentFrom.sort()).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
  expect(misbehaviours).toHaveLength(20)
  expect(new Set(misbehaviours)).toEqual(new Set(Object.keys(MISBEHAVIOURS)))
  expect(fates).toHaveLength(100)
})

test('all fall silent at the stage that the plan names', () => {
  const fates = drawFates(smallPlan({ participants: 100, dropout: 0.3, dropAt: 2 }), 1)
  expect(fates.flatMap((fate) => (fate.kind === 'dropout' ? [fate.silentFrom] : []))).toEqual(Array(30).fill(2))
})

test('another seed and another round draw others, the same ones the same', () => {
  const plan = smallPlan({ participants: 100, dropout: 0.1 })
  expect(drawFates(plan, 1)).toEqual(drawFates(plan, 1))
  expect(drawFates(plan, 2)).not.toEqual(drawFates(plan, 1))
  expect(drawFates({ ...plan, seed: 8 }, 1)).not.toEqual(drawFates(plan, 1))
})
