/**
 * `npm run fuzz -- --minutes M [--seed S] [--case N]`: fuzzes for so long, or runs one case again; `--complete` leaves the
 * session on the sparse graph out. Fails when it finds something.
 */
import { parseArgs } from 'node:util'
import { inWords, runCampaign } from './campaign.ts'
import { rollCase } from './cases.ts'
import { makeCorpus } from './corpus.ts'
import { execute } from './execute.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    case: { type: 'string' },
    complete: { type: 'boolean' },
  },
})
const minutes = Number(values.minutes)
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)
if (!(minutes > 0) || !Number.isSafeInteger(seed)) throw new Error('--minutes and --seed are numbers')

const corpus = await makeCorpus({ withSparse: values.complete !== true })
console.log(`${corpus.moments.length} honest messages of ${corpus.sessions.length} sessions, seed ${seed}`)
if (values.case !== undefined) {
  const fuzzCase = rollCase(corpus, seed, Number(values.case))
  console.log(JSON.stringify(fuzzCase))
  console.log(await execute(corpus, fuzzCase, Number(values.case)))
} else {
  const onProgress = (report: Parameters<typeof inWords>[0]) =>
    console.log(`${report.seconds.toFixed(0)} s: ${report.executions} executions, ${report.findings.length} findings`)
  const report = await runCampaign({ corpus, seed, durationMs: minutes * 60_000, onProgress })
  console.log(inWords(report, seed))
  if (report.findings.length > 0) process.exitCode = 1
}
