/**
 * Masks cancel whoever survives: on the complete graph for every set of survivors from the threshold up, on the sparse graph
 * for random ones. Whole sessions of the real cores; the sum is compared lane by lane with that of the plaintexts.
 */
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { sharingParameters } from '../../shared/protocol/threshold.ts'
import { NOW_MS, openFederation, outcomeOf, plaintextSum, runSession } from './federation.ts'
import { type Identities, makeIdentities } from './identities.ts'

const LARGEST = 7
const SPARSE = 70
let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(SPARSE, NOW_MS)
})

const ofSize = (size: number): Identities => ({ ...identities, sites: identities.sites.slice(0, size) })

/** Every subset of 1…size with at least `least` members. */
function subsets(size: number, least: number): number[][] {
  const all = Array.from({ length: 2 ** size }, (_, mask) =>
    Array.from({ length: size }, (_, place) => place + 1).filter((index) => (mask >> (index - 1)) & 1),
  )
  return all.filter((members) => members.length >= least)
}

describe('the complete graph', () => {
  for (let size = 3; size <= LARGEST; size += 1) {
    test(`every set of survivors of ${size}`, { timeout: 120_000 }, async () => {
      const open = () => openFederation({ size, identities: ofSize(size), parameterCount: 4, minimumCohort: 2 })
      const { threshold } = sharingParameters(size, (await open()).context.assumptions)
      const sets = subsets(size, threshold)
      expect(sets.length).toBeGreaterThan(size)
      for (const survivors of sets) {
        const federation = await open()
        const ids = [...federation.sites.keys()]
        const up = (message: { kind: string }, from: string) =>
          message.kind !== 'contribution' || survivors.includes(ids.indexOf(from) + 1)
        const sum = await runSession(federation, { up })
        expect(outcomeOf(federation)).toMatchObject({ stage: 'completed', survivors })
        expect(sum).toEqual(plaintextSum(federation, survivors))
      }
    })
  }
})

describe('the sparse graph', () => {
  /** Who falls silent, and before which message: at most δn = 7 of them. */
  const silences = fc.uniqueArray(
    fc.record({
      place: fc.nat({ max: SPARSE - 1 }),
      before: fc.constantFrom('share-keys' as const, 'contribution' as const),
    }),
    { maxLength: 7, selector: ({ place }) => place },
  )

  test('random sets of survivors', { timeout: 120_000 }, async () => {
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
      { numRuns: 3 },
    )
  })
})
