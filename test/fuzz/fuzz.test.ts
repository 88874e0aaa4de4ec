/**
 * Half a minute of the fuzzer, with a seed of its own each time, which it prints. `BLINDSUM_FUZZ_SECONDS` and
 * `BLINDSUM_FUZZ_SEED` say otherwise, 0 s for none at all; `npm run fuzz` goes on for as long as one likes.
 */
import { expect, test } from 'vitest'
import { inWords, runCampaign } from './campaign.ts'
import { makeCorpus } from './corpus.ts'

const seconds = Number(process.env.BLINDSUM_FUZZ_SECONDS ?? 30)
const seed = Number(process.env.BLINDSUM_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))

test.skipIf(seconds === 0)(
  `${seconds} s of changed messages end in a code or in the exact sum`,
  {
    timeout: seconds * 1000 + 60_000,
  },
  async () => {
    const corpus = await makeCorpus()
    const report = await runCampaign({ corpus, seed, durationMs: seconds * 1000 })
    console.log(inWords(report, seed))
    expect(report.findings).toEqual([])
    // A campaign that reaches nothing finds nothing: the core was reached from both sides, and refused for many reasons.
    expect(report.verdicts.size).toBeGreaterThan(15)
    for (const verdict of ['malformed', 'bad_signature', 'accepted'])
      expect([...report.verdicts.keys()]).toContain(verdict)
  },
)
