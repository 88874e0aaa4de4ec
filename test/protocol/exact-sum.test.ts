/** The point of it all: the unmasked sum is exactly the survivors' plaintext sum, or the session aborts. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sharingParameters } from '../../shared/protocol/threshold.ts'
import { NOW_MS, openFederation, plaintextSum, runSession } from './federation.ts'
import { makeIdentities } from './identities.ts'

describe('everybody stays', () => {
  for (const size of [3, 4, 5, 7, 10]) {
    test(`${size} participants`, async () => {
      const federation = await openFederation({ size })
      const sum = await runSession(federation)
      expect(federation.coordinator.stage).toBe('completed')
      const all = Array.from({ length: size }, (_, place) => place + 1)
      expect(sum).toEqual(plaintextSum(federation, all))
      expect([...federation.folded].sort((a, b) => a - b)).toEqual(all)
    })
  }

  for (const [inputBits, modulusBits] of [
    [8, 11],
    [13, 16],
    [14, 17],
    [24, 32],
  ] as const) {
    test(`lanes of ${inputBits} bits modulo 2^${modulusBits}`, async () => {
      const federation = await openFederation({ size: 5, inputBits, modulusBits, parameterCount: 1000 })
      expect(await runSession(federation)).toEqual(plaintextSum(federation, [1, 2, 3, 4, 5]))
    })
  }
})

describe('participants fall silent', () => {
  const stages = ['advertise-keys', 'share-keys', 'contribution', 'attest-survivors', 'reveal-shares'] as const
  for (const stage of stages) {
    test(`one of five in ${stage}`, async () => {
      const federation = await openFederation({ size: 5 })
      const silent = [...federation.sites.keys()][2]
      const sum = await runSession(federation, { up: (message, from) => !(from === silent && message.kind === stage) })
      expect(federation.coordinator.stage).toBe('completed')
      if (federation.coordinator.stage !== 'completed') return
      const { survivors } = federation.coordinator
      const counted = stage === 'attest-survivors' || stage === 'reveal-shares' ? 5 : 4
      expect(survivors).toHaveLength(counted)
      expect(sum).toEqual(plaintextSum(federation, survivors))
    })
  }

  test('one more than the threshold allows: the session aborts and nothing is revealed', async () => {
    const federation = await openFederation({ size: 5 })
    const silent = [...federation.sites.keys()].slice(0, 2)
    const up = (message: { kind: string }, from: string) => !(silent.includes(from) && message.kind === 'contribution')
    expect(await runSession(federation, { up })).toBeNull()
    expect(federation.coordinator).toMatchObject({ stage: 'aborted', reason: 'too_few_survivors' })
    for (const site of federation.sites.values()) {
      expect(site.sent.filter((message) => message.kind === 'reveal-shares')).toEqual([])
    }
  })

  test('any pattern of losses and duplicates ends in the exact sum or an abort', { timeout: 120_000 }, async () => {
    const size = 7
    const identities = await makeIdentities(size, NOW_MS)
    const weather = fc.array(fc.constantFrom('ok', 'ok', 'ok', 'ok', 'ok', 'ok', 'lost', 'twice'), {
      minLength: 40,
      maxLength: 40,
    })
    await fc.assert(
      fc.asyncProperty(weather, async (fates) => {
        const federation = await openFederation({ size, identities, parameterCount: 8 })
        let sent = 0
        const up = () => {
          const fate = fates[sent++ % fates.length]
          return fate === 'twice' ? 'twice' : fate !== 'lost'
        }
        const sum = await runSession(federation, { up })
        const { coordinator } = federation
        if (coordinator.stage === 'completed') {
          expect(coordinator.survivors.length).toBeGreaterThanOrEqual(
            sharingParameters(coordinator.roster.entries.length, federation.context.assumptions).threshold,
          )
          expect(sum).toEqual(plaintextSum(federation, coordinator.survivors))
          expect([...federation.folded].sort((a, b) => a - b)).toEqual(coordinator.survivors)
        } else {
          expect(coordinator.stage).toBe('aborted')
        }
        neverBothKinds(federation)
      }),
      { numRuns: 40 },
    )
  })
})

function neverBothKinds(federation: Awaited<ReturnType<typeof openFederation>>): void {
  for (const site of federation.sites.values()) {
    const kinds = new Map<number, Set<string>>()
    for (const message of site.sent) {
      if (message.kind !== 'reveal-shares') continue
      for (const share of message.shares) {
        if (share.kind === 'none') continue
        kinds.set(share.owner, (kinds.get(share.owner) ?? new Set()).add(share.kind))
      }
    }
    for (const set of kinds.values()) expect(set.size).toBe(1)
  }
}
