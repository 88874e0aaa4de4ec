/** Runs so many lists of a seed, shrinks what fails, and says what was seen in words. */
import type { Identities } from '../protocol/identities.ts'
import type { Finding } from './finding.ts'
import type { Flaw } from './flaws.ts'
import { rollList, type Sizes } from './generate.ts'
import type { OperationList } from './operations.ts'
import { runList } from './run-list.ts'
import { shrink } from './shrink.ts'

/** How long before a list begins its certificates were made: clocks may jump back, they are not valid any earlier. */
export const LEEWAY_MS = 1_800_000

export interface Failure {
  readonly number: number
  readonly finding: Finding
  /** Shrunk, for the first few failures. */
  readonly list: OperationList
}

export interface Report {
  readonly seed: number
  readonly lists: number
  readonly seconds: number
  readonly failures: readonly Failure[]
  readonly tally: ReadonlyMap<string, number>
}

export interface Campaign {
  readonly seed: number
  readonly lists: number
  readonly sizes: Sizes
  readonly identities: Identities
  readonly flaw?: Flaw
  /** How many failures are shrunk; the campaign ends at so many unless it is to count them all. */
  readonly shrunk?: number
  readonly countAll?: boolean
}

export async function runCampaign(campaign: Campaign): Promise<Report> {
  const { seed, lists, sizes, identities, flaw = null, shrunk = 3, countAll = false } = campaign
  const before = performance.now()
  const failures: Failure[] = []
  const tally = new Map<string, number>()
  let run = 0
  for (; run < lists && (countAll || failures.length < shrunk); run += 1) {
    const list = rollList(seed, run, sizes)
    const outcome = await runList(list, identities, flaw)
    for (const [what, times] of outcome.tally) tally.set(what, (tally.get(what) ?? 0) + times)
    const { finding } = outcome
    if (finding === null) continue
    const judge = async (candidate: OperationList) => {
      return (await runList(candidate, identities, flaw)).finding?.promise ?? null
    }
    const isShrunk = failures.length < shrunk
    const smallest = isShrunk ? await shrink(list, finding.promise, judge) : list
    failures.push({ number: run, finding, list: smallest })
  }
  return { seed, lists: run, seconds: (performance.now() - before) / 1000, failures, tally }
}

/** The report for people: figures, then every shrunk failure as a regression to paste. */
export function inWords({ seed, lists, seconds, failures, tally }: Report): string {
  const seen = [...tally].sort(([a], [b]) => (a < b ? -1 : 1)).map(([what, times]) => `${what} ${times}`)
  const head = `seed ${seed}: ${lists} lists in ${seconds.toFixed(1)} s, ${failures.length} failed`
  return [head, seen.join(', '), ...failures.slice(0, 3).map((failure) => asRegression(seed, failure))].join('\n')
}

/** An entry of regressions.test.ts. */
function asRegression(seed: number, { number, finding, list }: Failure): string {
  const operations = list.operations.map((operation) => `      ${JSON.stringify(operation)},`)
  const head = `  '${finding.promise}': {  // seed ${seed}, list ${number}: ${finding.message.slice(0, 600)}`
  return [head, `    setup: ${JSON.stringify(list.setup)},`, '    operations: [', ...operations, '    ],', '  },'].join(
    '\n',
  )
}
