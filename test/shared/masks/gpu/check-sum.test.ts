/** What a GPU computed is looked over whole for holes, wherever they are. */
import { describe, expect, test } from 'vitest'
import { findEmptyBlock } from '../../../../shared/masks/gpu/check-sum.ts'
import { plainMaskEngine } from '../../../../shared/masks/plain-engine.ts'
import { systemRng } from '../../../../shared/random.ts'

const BLOCKS = 40_000

async function sumOfMasks(): Promise<Uint32Array> {
  const sum = new Uint32Array(BLOCKS * 16)
  await plainMaskEngine().accumulate(sum, [{ key: systemRng(32), sign: 1 }])
  return sum
}

test('masks leave no block of zeros', async () => {
  expect(await findEmptyBlock((await sumOfMasks()).buffer)).toBeUndefined()
})

describe('one block without any mask is found', () => {
  test.each([0, 1, 16_383, 16_384, BLOCKS - 1])('block %i', async (hole) => {
    const sum = await sumOfMasks()
    sum.fill(0, hole * 16, (hole + 1) * 16)
    expect(await findEmptyBlock(sum.buffer)).toBe(hole)
  })
})

test('it can be called off', async () => {
  const called = AbortSignal.abort(new Error('called off'))
  await expect(findEmptyBlock((await sumOfMasks()).buffer, called)).rejects.toThrow('called off')
})
