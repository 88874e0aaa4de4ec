/** Whole sessions on the complete graph, one for every set of survivors that reaches the threshold: the sum has to be exact. */
import { expect } from 'vitest'
import { sharingParameters } from '../../shared/protocol/threshold.ts'
import { openFederation, outcomeOf, plaintextSum, runSession } from './federation.ts'
import type { Identities } from './identities.ts'

/** Everybody not in the set falls silent after dealing shares, so that their masks have to be taken off the others' inputs. */
export async function expectExactSumOfEverySurvivorSet(size: number, all: Identities): Promise<void> {
  const identities = { ...all, sites: all.sites.slice(0, size) }
  const open = () => openFederation({ size, identities, parameterCount: 4, minimumCohort: 2 })
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
}

/** Every subset of 1…size with at least `least` members. */
function subsets(size: number, least: number): number[][] {
  const indices = Array.from({ length: size }, (_, place) => place + 1)
  const all = Array.from({ length: 2 ** size }, (_, bits) => indices.filter((index) => (bits >> (index - 1)) & 1))
  return all.filter((members) => members.length >= least)
}
