/** Masks cancel whoever survives: every set of survivors of seven, and random ones on the sparse graph. */
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { expectExactSumOfEverySurvivorSet } from './every-survivor-set.ts'
import { NOW_MS, openFederation, outcomeOf, plaintextSum, runSession } from './federation.ts'
import { type Identities, makeIdentities } from './identities.ts'

/** Large enough that 64 neighbours are not everybody. */
const SPARSE = 70
let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(SPARSE, NOW_MS)
})

test('every set of survivors of 7', { timeout: 300_000 }, async () => {
  await expectExactSumOfEverySurvivorSet(7, identities)
})

/** Who falls silent, and before which message: at most δn = 7 of them. */
const silences = fc.uniqueArray(
  fc.record({
    place: fc.nat({ max: SPARSE - 1 }),
    before: fc.constantFrom('share-keys' as const, 'contribution' as const),
  }),
  { minLength: 1, maxLength: 7, selector: ({ place }) => place },
)

test('random sets of survivors on the sparse graph', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(silences, async (silent) => {
      const options = { size: SPARSE, identities, parameterCount: 4, gammaPpm: 20_000, deltaPpm: 100_000 }
      const federation = await openFederation(options)
      const ids = [...federation.sites.keys()]
      const before = new Map(silent.map(({ place, before: kind }) => [ids[place], kind]))
      const sum = await runSession(federation, { up: (message, from) => before.get(from) !== message.kind })
      const survivors = ids.flatMap((id, place) => (before.has(id) ? [] : [place + 1]))
      expect(outcomeOf(federation)).toMatchObject({ stage: 'completed', survivors })
      expect(federation.coordinator).toMatchObject({ roster: { parameters: { graph: 'sparse', neighbours: 64 } } })
      expect(sum).toEqual(plaintextSum(federation, survivors))
    }),
    // A failure would be shrunk for an hour: the seed and the set are enough.
    { numRuns: 2, endOnFailure: true },
  )
})
