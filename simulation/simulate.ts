/** A whole simulation: certificates, threads, and one round after the other. The main thread is the coordinator. */
import { ConfigError } from '../shared/errors.ts'
import { Crew } from './crew.ts'
import { certifyCohort } from './identities.ts'
import { idAtPlace, parametersOf, type SimulationPlan, STARTED_AT_MS, TRUST_DOMAIN } from './plan.ts'
import { type SimulationReport, simulationReport } from './report.ts'
import { type Progress, type RoundResult, runRound } from './round.ts'

/** Runs it. @throws ConfigError when the plan has no parameters, or a thread ends. */
export async function simulate(
  plan: SimulationPlan,
  onProgress: (progress: Progress) => void = () => {},
): Promise<SimulationReport> {
  const startedMs = performance.now()
  const parameters = parametersOf(plan)
  const ids = Array.from({ length: plan.participants }, (_, place) => idAtPlace(place))
  const authority = { trustDomain: TRUST_DOMAIN, nowMs: STARTED_AT_MS }
  const { bundle, all } = await certifyCohort(ids, authority, (done) =>
    onProgress({ round: 0, step: 'certificates', done, of: ids.length }),
  )
  const threads = Math.min(plan.threads, plan.participants)
  const crews: Crew[] = []
  try {
    for (let thread = 0; thread < threads; thread += 1) {
      const own = [...all.entries()].filter(([place]) => place % threads === thread)
      crews.push(new Crew({ plan, bundle, own }))
    }
    const rounds: RoundResult[] = []
    for (let round = 1; round <= plan.rounds; round += 1) {
      rounds.push(await runRound({ plan, round, bundle, crews, onProgress }))
    }
    const peakMemoryBytes = process.resourceUsage().maxRSS * 1024
    const seconds = (performance.now() - startedMs) / 1000
    return simulationReport({ plan, parameters, rounds, threads, peakMemoryBytes, seconds })
  } catch (error) {
    // A refusal of the platform (no memory for another thread) is told like any other.
    if (error instanceof ConfigError || !isSystemError(error)) throw error
    throw new ConfigError('simulation_failed', `the simulation could not go on: ${error.message}`, { cause: error })
  } finally {
    await Promise.all(crews.map((crew) => crew.end()))
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('E')
}
