/**
 * Every instruction that comes too early: the session ends with `wrong_stage` before anything else of the
 * instruction is looked at, and nothing but the withdrawal leaves.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import type { Instruction } from '../../../shared/protocol/messages.ts'
import { NOW_MS, openFederation, runSession, type Site, tell } from '../../protocol/federation.ts'
import { type Identities, makeIdentities } from '../../protocol/identities.ts'

const SIZE = 4
let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(SIZE, NOW_MS)
})

/** A session in which the second site hears nothing from `stopBefore` on. */
async function upTo(stopBefore: Instruction['kind']) {
  const federation = await openFederation({ size: SIZE, identities, parameterCount: 8 })
  const site = [...federation.sites.values()][1] as Site
  let isStopped = false
  await runSession(federation, {
    down: (truth, to) => {
      if (to === site.spiffeId && truth.kind === stopBefore) isStopped = true
      return to === site.spiffeId && isStopped ? null : truth
    },
  })
  return { federation, site }
}

const EVERYBODY = new Uint8Array([0b1111])
const INSTRUCTIONS: Readonly<Record<'mask-input' | 'attest-survivors' | 'reveal-shares', Instruction>> = {
  'mask-input': { kind: 'mask-input', shared: EVERYBODY, deals: [] },
  'attest-survivors': { kind: 'attest-survivors', survivors: EVERYBODY },
  'reveal-shares': {
    kind: 'reveal-shares',
    certificate: { shared: EVERYBODY, survivors: EVERYBODY, signatures: [] },
  },
}

describe('too early', () => {
  const cases: readonly (readonly [heard: keyof typeof INSTRUCTIONS, insteadOf: Instruction['kind']])[] = [
    ['mask-input', 'share-keys'],
    ['attest-survivors', 'share-keys'],
    ['attest-survivors', 'mask-input'],
    ['reveal-shares', 'share-keys'],
    ['reveal-shares', 'mask-input'],
    ['reveal-shares', 'attest-survivors'],
  ]
  for (const [heard, insteadOf] of cases) {
    test(`${heard} instead of ${insteadOf}`, async () => {
      const { federation, site } = await upTo(insteadOf)
      const before = site.sent.length
      await tell(federation, site, INSTRUCTIONS[heard])
      expect(site.refusal?.code).toBe('wrong_stage')
      expect(site.sent.slice(before).map(({ kind }) => kind)).toEqual(['withdraw'])
    })
  }
})
