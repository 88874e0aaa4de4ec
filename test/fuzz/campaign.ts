/** Case after case until the time is over; the first finding is made small and told so that anybody can run it again. */
import { bytesOf, type FuzzCase, rollCase } from './cases.ts'
import type { Corpus } from './corpus.ts'
import { execute, type Verdict } from './execute.ts'
import { Finding } from './finding.ts'

export interface Campaign {
  readonly corpus: Corpus
  readonly seed: number
  readonly durationMs: number
  /** The number of the first case. */
  readonly from?: number
  readonly onProgress?: (report: Report) => void
}

export interface Report {
  readonly executions: number
  readonly seconds: number
  /** How often each verdict was given. */
  readonly verdicts: ReadonlyMap<Verdict, number>
  readonly findings: readonly string[]
}

const PROGRESS_MS = 30_000
const MAX_FINDINGS = 8

export async function runCampaign({ corpus, seed, durationMs, from = 0, onProgress }: Campaign): Promise<Report> {
  const beganAtMs = performance.now()
  const verdicts = new Map<Verdict, number>()
  const findings = new Map<string, string>()
  let executions = 0
  let saidAtMs = beganAtMs
  const report = (): Report => {
    const seconds = (performance.now() - beganAtMs) / 1000
    return { executions, seconds, verdicts, findings: [...findings.values()] }
  }
  while (performance.now() - beganAtMs < durationMs && findings.size < MAX_FINDINGS) {
    const caseNumber = from + executions
    const fuzzCase = rollCase(corpus, seed, caseNumber)
    const outcome = await attempt(corpus, fuzzCase, caseNumber)
    const verdict = outcome instanceof Finding ? 'finding' : outcome
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
    if (outcome instanceof Finding && !findings.has(signatureOf(outcome))) {
      findings.set(signatureOf(outcome), await tellFinding(corpus, outcome, { fuzzCase, seed, caseNumber }))
    }
    executions += 1
    if (performance.now() - saidAtMs < PROGRESS_MS) continue
    saidAtMs = performance.now()
    onProgress?.(report())
  }
  return report()
}

async function attempt(corpus: Corpus, fuzzCase: FuzzCase, caseNumber: number): Promise<Verdict | Finding> {
  try {
    return await execute(corpus, fuzzCase, caseNumber)
  } catch (error) {
    if (error instanceof Finding) return error
    throw error
  }
}

/** Findings with the same words and the same cause are one. */
function signatureOf({ message, cause }: Finding): string {
  return `${message} | ${cause instanceof Error ? cause.message : ''}`
}

async function tellFinding(
  corpus: Corpus,
  finding: Finding,
  { fuzzCase, seed, caseNumber }: { readonly fuzzCase: FuzzCase; readonly seed: number; readonly caseNumber: number },
): Promise<string> {
  const small = await shrink(corpus, fuzzCase, signatureOf(finding))
  const { cause } = finding
  return [
    `FINDING: ${finding.message}`,
    ...(cause instanceof Error ? [`  because: ${cause.stack ?? cause.message}`] : []),
    `  seed ${seed}, case ${caseNumber}; this message, were the corpus the same: ${Buffer.from(bytesOf(corpus, small)).toString('hex')}`,
    '  to run it again, in test/fuzz/regressions.test.ts:',
    `    test('${finding.message.replaceAll("'", '')}', async () => {`,
    `      await execute(corpus, ${JSON.stringify(small)})`,
    '    })',
  ].join('\n')
}

/** Leaves out whatever the finding does not need. Every case it tries is walked to the end. */
async function shrink(corpus: Corpus, fuzzCase: FuzzCase, wanted: string): Promise<FuzzCase> {
  const stillFails = async (candidate: FuzzCase) => {
    const outcome = await attempt(corpus, candidate, 0)
    return outcome instanceof Finding && signatureOf(outcome) === wanted
  }
  let small = fuzzCase
  const simpler: ((one: FuzzCase) => FuzzCase)[] = [
    (one) => ({ ...one, cut: 0 }),
    (one) => ({ ...one, isResigned: false }),
    (one) => ({ ...one, isSecond: false }),
    (one) => ({ ...one, flips: [] }),
  ]
  for (const simplify of simpler) if (await stillFails(simplify(small))) small = simplify(small)
  for (const list of ['mutations', 'flips'] as const) {
    for (let place = small[list].length - 1; place >= 0; place -= 1) {
      const candidate = { ...small, [list]: small[list].filter((_, at) => at !== place) }
      if (await stillFails(candidate)) small = candidate
    }
  }
  return small
}

/** The report in words. */
export function inWords({ executions, seconds, verdicts, findings }: Report, seed: number): string {
  const counts = [...verdicts].sort(([, a], [, b]) => b - a).map(([verdict, count]) => `${verdict} ${count}`)
  return [
    `seed ${seed}: ${executions} executions in ${seconds.toFixed(0)} s, ${(executions / seconds).toFixed(0)} a second`,
    `verdicts: ${counts.join(', ')}`,
    ...findings,
    `findings: ${findings.length}`,
  ].join('\n')
}
