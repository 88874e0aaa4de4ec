/**
 * The simulation can fail: drivers with a mistake around cores that are right are found, each by the promise it breaks, and the
 * list that finds it shrinks to a few operations.
 */
import { beforeAll, expect, test, vi } from 'vitest'
import { NOW_MS } from '../protocol/federation.ts'
import { type Identities, makeIdentities } from '../protocol/identities.ts'
import { LEEWAY_MS, runCampaign } from './campaign.ts'
import type { Promised } from './finding.ts'
import type { Flaw } from './flaws.ts'
import { runList } from './run-list.ts'

vi.mock('../../shared/crypto/key-agreement.ts', async (original) =>
  (await import('./once.ts')).agreeingOnce(await original()),
)
vi.mock('../../shared/crypto/signatures.ts', async (original) =>
  (await import('./once.ts')).verifyingOnce(await original()),
)

const SEED = 2
const LISTS = 200
/** Operations left when a list is shrunk. */
const FEW = 18

const FLAWS: Readonly<Record<Flaw, Promised>> = {
  'folds-repeats': 'folded_once',
  'folds-late': 'folded_once',
  'forgets-journal': 'said_once',
  'masks-again': 'one_masked_input',
  'sends-first': 'recorded_first',
  'stays-silent': 'ends',
}

let identities: Identities
beforeAll(async () => {
  identities = await makeIdentities(4, NOW_MS - LEEWAY_MS)
})

for (const [flaw, broken] of Object.entries(FLAWS) as [Flaw, Promised][]) {
  test(`a driver that ${flaw.replace('-', ' ')} is found`, async () => {
    const report = await runCampaign({ seed: SEED, lists: LISTS, sizes: [4], identities, flaw, shrunk: 1 })
    const [failure] = report.failures
    expect(failure?.finding.promise).toBe(broken)
    expect(failure?.list.operations.length).toBeLessThanOrEqual(FEW)
    if (failure === undefined) return
    expect((await runList(failure.list, identities)).finding).toBeNull()
  })
}
