/**
 * Two thousand lists of what networks, crashes, clocks and operators do, each against a federation of the real cores, with a
 * seed of its own each time, which it prints. `BLINDSUM_SIMULATION_SEED` and `BLINDSUM_SIMULATION_LISTS` say otherwise;
 * `npm run test:simulation -- --lists N --seed S` does so in fewer words.
 */
import { expect, test, vi } from 'vitest'
import { NOW_MS } from '../protocol/federation.ts'
import { makeIdentities } from '../protocol/identities.ts'
import { inWords, LEEWAY_MS, runCampaign } from './campaign.ts'
import { COMPLETE_SIZES } from './generate.ts'

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

const lists = Number(process.env.BLINDSUM_SIMULATION_LISTS ?? 2000)
const seed = Number(process.env.BLINDSUM_SIMULATION_SEED ?? Math.floor(Math.random() * 2 ** 31))
const countAll = process.env.BLINDSUM_SIMULATION_COUNT === '1'

test(`${lists} lists of faults end in the exact sum or an abort`, { timeout: 60_000 + lists * 500 }, async () => {
  const identities = await makeIdentities(Math.max(...COMPLETE_SIZES), NOW_MS - LEEWAY_MS)
  const report = await runCampaign({ seed, lists, sizes: COMPLETE_SIZES, identities, countAll })
  console.log(inWords(report))
  expect(report.failures.map(({ finding }) => finding.message)).toEqual([])
  // A campaign that reaches nothing finds nothing.
  const seen = (what: string) => report.tally.get(what) ?? 0
  expect(seen('completed')).toBeGreaterThan(lists / 4)
  if (lists < 1000) return
  for (const what of REACHED) expect([what, seen(what) > 0]).toEqual([what, true])
})

const REACHED = [
  'repeated',
  'completed without dropouts’ inputs',
  ...['cut', 'copied', 'held', 'lost', 'unanswered'].map((fate) => `fate ${fate}`),
  ...['participants', 'shared', 'survivors', 'signatures', 'shares'].map((what) => `aborted too_few_${what}`),
  ...['late', 'wrong_session', 'advertised_too_early_or_late'].map((code) => `rejected ${code}`),
  ...['update_spent', 'session_known', 'stage_1_too_late', 'wrong_stage'].map((code) => `refused ${code}`),
]
