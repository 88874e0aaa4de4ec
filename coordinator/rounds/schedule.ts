/**
 * Whose turn it is: several runs at once, each agent in at most one live round. Runs stand in a queue, first come first
 * served; a run whose agents are only busy elsewhere keeps its place and reserves them, so that a stream of small rounds
 * cannot starve a large one; a run whose agents are not connected reserves nobody. Pure.
 */

/** A run that wants to begin a round. */
export interface WaitingRun {
  readonly runId: string
  readonly enrolled: readonly string[]
  /** SPIFFE IDs this round goes without: caught in the last session. */
  readonly leftOut: readonly string[]
  /** Participants the round needs at least, and wants at most. */
  readonly needed: number
  readonly wanted: number
  readonly joinGraceMs: number
  /** Since when enough are connected, or the run was started: nobody's grace ends earlier than counted from here. */
  readonly gatheringSinceMs: number
}

/** What is known of one agent. `absentSinceMs` is null while it is connected. */
export interface AgentStanding {
  readonly absentSinceMs: number | null
  readonly isBusy: boolean
}

export type Verdict =
  | { readonly kind: 'start'; readonly runId: string; readonly eligible: readonly string[] }
  | {
      readonly kind: 'wait'
      readonly runId: string
      /** `short`: too few are connected; `busy`: they serve other runs; `gathering`: a little longer, for the rest. */
      readonly why: 'short' | 'busy' | 'gathering'
      readonly connected: number
      readonly absent: readonly string[]
      /** When to look again at the latest, if nothing changes before. */
      readonly untilMs: number | null
    }

/** One verdict per waiting run up to and including the first start; look again once that start has taken its agents. */
export function schedule(
  queue: readonly WaitingRun[],
  standingOf: (spiffeId: string) => AgentStanding,
  nowMs: number,
): readonly Verdict[] {
  const reserved = new Set<string>()
  const verdicts: Verdict[] = []
  for (const run of queue) {
    const verdict = judge(run, (id) => ({ ...standingOf(id), isReserved: reserved.has(id) }), nowMs)
    verdicts.push(verdict)
    if (verdict.kind === 'start') return verdicts
    if (verdict.why !== 'short') for (const id of run.enrolled) reserved.add(id)
  }
  return verdicts
}

function judge(
  run: WaitingRun,
  standingOf: (spiffeId: string) => AgentStanding & { readonly isReserved: boolean },
  nowMs: number,
): Verdict {
  const asked = run.enrolled.filter((id) => !run.leftOut.includes(id))
  const absent = asked.filter((id) => standingOf(id).absentSinceMs !== null)
  const connected = asked.filter((id) => standingOf(id).absentSinceMs === null)
  const free = connected.filter((id) => !standingOf(id).isBusy && !standingOf(id).isReserved)
  const waiting = { kind: 'wait', runId: run.runId, connected: connected.length, absent, untilMs: null } as const
  if (connected.length < run.needed) return { ...waiting, why: 'short' }
  if (free.length >= run.wanted) return { kind: 'start', runId: run.runId, eligible: free }
  if (free.length < connected.length) return { ...waiting, why: 'busy' }
  const untilMs = Math.max(...absent.map((id) => graceEnd(run, standingOf(id).absentSinceMs ?? nowMs)), 0)
  if (untilMs > nowMs) return { ...waiting, why: 'gathering', untilMs }
  return { kind: 'start', runId: run.runId, eligible: free }
}

/** An absent agent is waited for from its disconnection on, so a site that is long gone delays nobody. */
function graceEnd(run: WaitingRun, absentSinceMs: number): number {
  return Math.max(absentSinceMs, run.gatheringSinceMs) + run.joinGraceMs
}
