/**
 * The same lists on a ring of 12 neighbours, where whom a fault hurts depends on who is whose holder. The ring's order follows
 * from the context alone here, so that a seed means the same list again; see simulation.test.ts for the rest.
 */
import { expect, test, vi } from 'vitest'
import { NOW_MS } from '../protocol/federation.ts'
import { makeIdentities } from '../protocol/identities.ts'
import { inWords, LEEWAY_MS, runCampaign } from './campaign.ts'
import { RING_SIZES } from './generate.ts'

vi.mock('../../shared/protocol/threshold.ts', async (original) =>
  (await import('../adversary/small-ring.ts')).inMiniature(await original()),
)
vi.mock('../../shared/protocol/neighbour-graph.ts', async (original) =>
  (await import('./steady-ring.ts')).inOrderOfContext(await original()),
)
vi.mock('../../shared/crypto/key-agreement.ts', async (original) =>
  (await import('./once.ts')).agreeingOnce(await original()),
)
vi.mock('../../shared/crypto/signatures.ts', async (original) =>
  (await import('./once.ts')).verifyingOnce(await original()),
)
vi.mock('../../shared/identity/identity-signature.ts', async (original) =>
  (await import('./once.ts')).identifyingOnce(await original()),
)
vi.mock('../../shared/identity/validate-svid.ts', async (original) =>
  (await import('./once.ts')).validatingOnce(await original()),
)

/** One for so many lists on the complete graph. */
const SHARE = 100
const lists = Math.ceil(Number(process.env.BLINDSUM_SIMULATION_LISTS ?? 2000) / SHARE)
const seed = Number(process.env.BLINDSUM_SIMULATION_SEED ?? Math.floor(Math.random() * 2 ** 31))
const countAll = process.env.BLINDSUM_SIMULATION_COUNT === '1'

test(`${lists} lists of faults on a ring end in the exact sum or an abort`, {
  timeout: 60_000 + lists * 5000,
}, async () => {
  const identities = await makeIdentities(Math.max(...RING_SIZES), NOW_MS - LEEWAY_MS)
  const report = await runCampaign({ seed, lists, sizes: RING_SIZES, identities, countAll })
  console.log(inWords(report))
  expect(report.failures.map(({ finding }) => finding.message)).toEqual([])
  if (lists >= 20) expect(report.tally.get('completed on a ring') ?? 0).toBeGreaterThan(0)
})
