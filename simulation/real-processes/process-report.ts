/** A simulation with real processes in figures, as scripts read them: the object that `--json` prints. */
import { availableParallelism, cpus } from 'node:os'
import type { Agent } from './agent.ts'
import type { Fault } from './fault-injector.ts'
import type { FaultKind } from './process-faults.ts'
import { agentId, agentName, type ProcessPlan, timingOf } from './process-plan.ts'
import type { LineBytes } from './proxy-line.ts'
import type { AbortedAttempt, RecordedRound, Refusal, RunRecord } from './run-record.ts'
import type { VersionCheck } from './version-check.ts'

export interface Spread {
  readonly mean: number
  readonly greatest: number
}

export interface Dropout {
  readonly agent: string
  /** What had it when the round went on, or null: nothing that the harness did. */
  readonly fault: FaultKind | null
}

export interface ProcessRound {
  readonly round: number
  readonly outcome: 'published' | 'not published'
  /** Sessions begun for it; the aborted ones with their reason. */
  readonly attempts: number
  readonly aborted: readonly AbortedAttempt[]
  /** Who left one of them, or did not get ready, and said why. */
  readonly refusals: readonly Refusal[]
  /** Asked in the last attempt, in the roster, and counted. */
  readonly asked: number
  readonly roster: number
  readonly survivors: readonly string[]
  readonly dropouts: readonly Dropout[]
  readonly verified: boolean
  /** The version differs from the one before by the survivors' exact mean, lane by lane. */
  readonly exact: boolean
  readonly wrongLanes: number
  /** From the first cohort to the publication. */
  readonly seconds: number
  /** Of one agent on the wire, TLS and HTTP/2 included; over all agents. */
  readonly upBytes: Spread
  readonly downBytes: Spread
}

export interface FaultReport {
  readonly round: number
  readonly agent: string
  readonly kind: FaultKind
  readonly moment: string
  /** From the start of the run until it struck, and how long it lasted; null when it did not come to it. */
  readonly atSeconds: number | null
  readonly seconds: number | null
  /** Until the agent attended again. */
  readonly backAfterSeconds: number | null
}

export interface ProcessReport {
  readonly ok: boolean
  readonly exact: boolean
  readonly plan: ProcessPlan
  readonly timing: ReturnType<typeof timingOf>
  readonly outcome: string
  readonly rounds: readonly ProcessRound[]
  readonly finalEvaluation: 'done' | 'not done'
  readonly faults: readonly FaultReport[]
  readonly agents: readonly {
    readonly agent: string
    readonly starts: number
    readonly upBytes: number
    readonly downBytes: number
    readonly peakMemoryBytes: number | null
  }[]
  readonly coordinatorPeakMemoryBytes: number | null
  /** Processes that did not end with exit code 0 when they were asked to. */
  readonly uncleanEndings: readonly string[]
  /** Until everybody attended, of the run, and of everything. */
  readonly seconds: { readonly start: number; readonly run: number; readonly all: number }
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string }
}

/** Bytes of every line, counted when the run was submitted and after every version. */
export type Counts = ReadonlyMap<number, readonly LineBytes[]>

export interface Measured {
  readonly plan: ProcessPlan
  readonly record: RunRecord
  readonly checks: ReadonlyMap<number, VersionCheck>
  readonly counts: Counts
  /** Bytes of every line until the run had ended. */
  readonly bytesInAll: readonly LineBytes[]
  readonly agents: readonly Agent[]
  readonly faults: readonly Fault[]
  readonly coordinatorPeakMemoryBytes: number | null
  readonly uncleanEndings: readonly string[]
  readonly submittedAtMs: number
  readonly seconds: ProcessReport['seconds']
}

/** An agent is there again this long after it has a line again, at the latest. */
const BACK_MS = 1000

export function processReport(measured: Measured): ProcessReport {
  const { plan, record, agents, bytesInAll, faults, uncleanEndings, submittedAtMs } = measured
  const rounds = record.rounds.map((round) => roundOf(round, measured))
  const exact = rounds.length === plan.rounds && rounds.every((round) => round.exact)
  const verified = rounds.every((round) => round.verified)
  return {
    ok: exact && verified && record.ending === 'completed' && uncleanEndings.length === 0,
    exact,
    plan,
    timing: timingOf(plan),
    outcome: [record.ending ?? 'not ended', record.endingReason].filter((word) => word !== '').join(': '),
    rounds,
    finalEvaluation: record.finalEvaluation === '' ? 'done' : 'not done',
    faults: faults.map((fault) => faultOf(fault, submittedAtMs)),
    agents: agents.map(({ place, name, starts, peakMemoryBytes }) => ({
      agent: name,
      starts,
      upBytes: bytesInAll[place]?.up ?? 0,
      downBytes: bytesInAll[place]?.down ?? 0,
      peakMemoryBytes,
    })),
    coordinatorPeakMemoryBytes: measured.coordinatorPeakMemoryBytes,
    uncleanEndings,
    seconds: measured.seconds,
    machine: { cpu: cpus()[0]?.model.trim() ?? '', cores: availableParallelism(), node: process.version },
  }
}

function roundOf(recorded: RecordedRound, measured: Measured): ProcessRound {
  const { round, aborted, refusals, asked, published, startedAtMs, publishedAtMs } = recorded
  const { plan, record, checks, counts, faults } = measured
  const check = checks.get(round)
  const survivors = check?.survivors ?? []
  const untilMs = publishedAtMs ?? record.lastAtMs
  const all = Array.from({ length: plan.participants }, (_, place) => place)
  const dropouts = all
    .filter((place) => !survivors.includes(agentId(place)))
    .map((place) => ({ agent: agentName(place), fault: causeOf(faults, place, { fromMs: startedAtMs, untilMs }) }))
  const before = counts.get(round - 1) ?? []
  // Of a round that was given up, all that was sent after the one before.
  const at = counts.get(round) ?? measured.bytesInAll
  const spent = (direction: 'up' | 'down') =>
    spread(all.map((place) => (at[place]?.[direction] ?? 0) - (before[place]?.[direction] ?? 0)))
  return {
    round,
    outcome: published === null ? 'not published' : 'published',
    attempts: aborted.length + (published === null ? 0 : 1),
    aborted,
    refusals,
    asked: asked.length,
    roster: published?.roster ?? 0,
    survivors: all.filter((place) => survivors.includes(agentId(place))).map(agentName),
    dropouts: published === null ? [] : dropouts,
    verified: check?.verified ?? false,
    exact: check?.exact ?? false,
    wrongLanes: check?.wrongLanes ?? 0,
    seconds: (untilMs - startedAtMs) / 1000,
    upBytes: spent('up'),
    downBytes: spent('down'),
  }
}

/** The last fault that had this agent at any time of the round. */
function causeOf(
  faults: readonly Fault[],
  place: number,
  { fromMs, untilMs }: { readonly fromMs: number; readonly untilMs: number },
): FaultKind | null {
  const had = faults.filter(({ struckAtMs, recoveredAtMs, ...fault }) => {
    if (fault.place !== place || struckAtMs === null || struckAtMs > untilMs) return false
    return recoveredAtMs === null || recoveredAtMs + BACK_MS >= fromMs
  })
  return had.at(-1)?.kind ?? null
}

function faultOf(fault: Fault, submittedAtMs: number): FaultReport {
  const { round, place, kind, moment, struckAtMs, liftedAtMs, recoveredAtMs } = fault
  const between = (from: number | null, to: number | null) => (from === null || to === null ? null : (to - from) / 1000)
  return {
    round,
    agent: agentName(place),
    kind,
    moment,
    atSeconds: between(submittedAtMs, struckAtMs),
    seconds: between(struckAtMs, liftedAtMs),
    backAfterSeconds: between(struckAtMs, recoveredAtMs),
  }
}

export function spread(values: readonly number[]): Spread {
  if (values.length === 0) return { mean: 0, greatest: 0 }
  return { mean: values.reduce((sum, value) => sum + value, 0) / values.length, greatest: Math.max(...values) }
}
