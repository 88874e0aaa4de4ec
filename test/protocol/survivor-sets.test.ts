/** Masks cancel whoever survives, for every set of survivors from the threshold up. Larger cohorts: survivor-sets.slow.test.ts. */
import { beforeAll, describe, test } from 'vitest'
import { expectExactSumOfEverySurvivorSet } from './every-survivor-set.ts'
import { NOW_MS } from './federation.ts'
import { type Identities, makeIdentities } from './identities.ts'

let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(6, NOW_MS)
})

describe('every set of survivors on the complete graph', () => {
  test.each([3, 4, 5, 6])('of %i participants', { timeout: 120_000 }, async (size) => {
    await expectExactSumOfEverySurvivorSet(size, identities)
  })
})
