/** The sparse graph, one in ten silent at one stage after the other, and against a semi-honest coordinator: the sum is exact. */
import { beforeAll, describe, expect, test } from 'vitest'
import { NOW_MS, openFederation, outcomeOf, plaintextSum, runSession } from './federation.ts'
import { type Identities, makeIdentities } from './identities.ts'

const SIZE = 76
let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
})

const open = (adversary: 'malicious' | 'semi-honest' = 'malicious') =>
  openFederation({ size: SIZE, identities, parameterCount: 8, gammaPpm: 50_000, deltaPpm: 100_000, adversary })

const stages = ['advertise-keys', 'share-keys', 'contribution', 'attest-survivors', 'reveal-shares'] as const

describe('with one in ten silent', () => {
  for (const stage of stages) {
    test(`in ${stage}`, { timeout: 120_000 }, async () => {
      const federation = await open()
      const silent = new Set([...federation.sites.keys()].filter((_, place) => place % 10 === 3))
      const sum = await runSession(federation, { up: (message, from) => !(silent.has(from) && message.kind === stage) })
      const { survivors, named } = outcomeOf(federation)
      const isCounted = stage === 'attest-survivors' || stage === 'reveal-shares'
      expect(survivors).toHaveLength(isCounted ? SIZE : SIZE - silent.size)
      expect(named).toEqual([])
      expect(sum).toEqual(plaintextSum(federation, survivors))
    })
  }
})

test('a semi-honest coordinator is given smaller thresholds, the sum is as exact', { timeout: 120_000 }, async () => {
  const federation = await open('semi-honest')
  const sum = await runSession(federation)
  expect(sum).toEqual(plaintextSum(federation, outcomeOf(federation).survivors))
})
