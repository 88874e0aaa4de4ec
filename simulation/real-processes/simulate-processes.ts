/**
 * A federation of real processes with faults: coordinator, proxy and agents are started, a run is submitted, watched and hit
 * by the drawn faults, and every version is checked. Whatever happens, its processes and its folder are gone at the end.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FaultInjector } from './fault-injector.ts'
import { type FederationTools, playRun, startFederation, stopFederation } from './federation.ts'
import { federationFolder } from './federation-folder.ts'
import { drawFaults } from './process-faults.ts'
import { checkProcessPlan, type ProcessPlan } from './process-plan.ts'
import { type ProcessReport, processReport } from './process-report.ts'
import { Processes } from './processes.ts'
import type { LineBytes } from './proxy-line.ts'
import { RunRecord } from './run-record.ts'
import { SimulationFailed } from './simulation-failed.ts'
import { checkVersion, initialParameters, type VersionCheck } from './version-check.ts'

export interface ProcessSimulation {
  readonly plan: ProcessPlan
  /** The program `blindsum`: this folder knows no way to it. */
  readonly program: string
  /** Told of progress, a line at a time. */
  readonly tell: (line: string) => void
  /** Leaves the folder with every config and log, and tells where it is. */
  readonly keep?: boolean
  /** Aborted to give up: everything is cleared away, and the promise rejects. */
  readonly signal?: AbortSignal
}

/** Runs it. @throws ConfigError when the plan cannot be simulated, or the simulation could not go on. */
export async function simulateProcesses(simulation: ProcessSimulation): Promise<ProcessReport> {
  const { plan, program, tell, keep = false, signal } = simulation
  checkProcessPlan(plan)
  const root = mkdtempSync(join(tmpdir(), 'blindsum-processes-'))
  const processes = new Processes()
  const end = () => processes.killAll()
  process.once('exit', end)
  try {
    const play = simulate({ plan, folder: federationFolder(root), processes, program, tell })
    return await Promise.race([play, processes.failure, givenUp(signal)])
  } finally {
    end()
    await processes.allGone()
    process.off('exit', end)
    if (keep) tell(`everything is in ${root}`)
    else rmSync(root, { recursive: true, force: true })
  }
}

async function simulate(tools: FederationTools): Promise<ProcessReport> {
  const { plan, processes, tell } = tools
  const beganMs = performance.now()
  const federation = await startFederation(tools)
  const { agents, proxy, coordinator } = federation
  const startedMs = performance.now()

  const record = new RunRecord()
  const injector = new FaultInjector(drawFaults(plan), { agents, proxy, tell, fail: (error) => processes.fail(error) })
  for (const agent of agents) agent.onRound = (said, round) => injector.hear(agent.place, said, round)
  const counts = new Map<number, readonly LineBytes[]>([[0, await proxy.count()]])
  const counting: Promise<unknown>[] = []
  const submittedAtMs = Date.now()
  await playRun(tools, (event, atMs) => {
    record.see(event, atMs)
    if (event.kind === 'session_aborted') tell(`round ${event.body.round}: a session aborted, ${event.body.reason}`)
    if (event.kind === 'version_published') {
      const { version, survivors, roster, seconds } = event.body
      tell(`round ${version} of ${plan.rounds}: ${survivors} of ${roster} survive, ${seconds.toFixed(1)} s`)
      counting.push(proxy.count().then((bytes) => counts.set(version, bytes)))
    }
  })
  await Promise.all([injector.end(), ...counting])
  const ranMs = performance.now()
  const bytesInAll = await proxy.count()

  const checks = await checkVersions(tools, federation, record)
  const uncleanEndings = await stopFederation(federation, processes)
  const seconds = {
    start: (startedMs - beganMs) / 1000,
    run: (ranMs - startedMs) / 1000,
    all: (performance.now() - beganMs) / 1000,
  }
  const coordinatorPeakMemoryBytes = coordinator.peakMemoryBytes
  const { faults } = injector
  const measured = { plan, record, checks, counts, bytesInAll, agents, faults, submittedAtMs, seconds }
  return processReport({ ...measured, coordinatorPeakMemoryBytes, uncleanEndings })
}

/** Every published version against the vectors behind it. */
async function checkVersions(
  tools: FederationTools,
  { agents }: Awaited<ReturnType<typeof startFederation>>,
  record: RunRecord,
): Promise<ReadonlyMap<number, VersionCheck>> {
  const checks = new Map<number, VersionCheck>()
  let before = initialParameters(tools.folder)
  for (const { round, published } of record.rounds) {
    if (published === null) break
    const { check, parameters } = await checkVersion(round, before, { ...tools, agents })
    tools.tell(
      `version ${round}: ${check.verified ? 'verified' : 'NOT VERIFIED'}, ${check.exact ? 'exact' : 'NOT EXACT'}`,
    )
    checks.set(round, check)
    before = parameters
  }
  return checks
}

function givenUp(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const giveUp = () => reject(new SimulationFailed('the simulation was given up'))
    if (signal?.aborted === true) giveUp()
    signal?.addEventListener('abort', giveUp, { once: true })
  })
}
