/**
 * Keeps every running run going, round after round, and carries out what operators ask: pause, resume, cancel. The store is
 * the truth: a loop reads the run anew before each round, so starting the coordinator is the same as going on.
 */
import { ConfigError } from '../../shared/errors.ts'
import { bestVersion } from '../registry/best-version.ts'
import { hasEnded } from '../registry/run-state.ts'
import type { Run } from '../registry/runs.ts'
import { playRound } from './round.ts'
import type { RoundTools } from './tools.ts'

/** Who is named as the mover when the coordinator itself pauses a run. */
const COORDINATOR = 'coordinator'

interface Loop {
  readonly stop: AbortController
  readonly done: Promise<void>
}

export class Conductor {
  readonly #tools: RoundTools
  readonly #loops = new Map<string, Loop>()
  #isClosing = false

  constructor(tools: RoundTools) {
    this.#tools = tools
  }

  /** Goes on with every running run; sessions that an earlier process left live are recorded as aborted. */
  async recover(): Promise<void> {
    for (const { runId, round, attempt } of await this.#tools.attempts.abortLive()) {
      const detail = 'the coordinator was restarted during the session'
      const attempts = (await this.#tools.runs.find(runId)).plan.timing.sessionAttempts
      const body = { round, attempt, attempts, reason: 'coordinator_restarted', detail, named: [] }
      await this.#tools.events.record(runId, { kind: 'session_aborted', body })
    }
    for (const run of await this.#tools.runs.list()) if (run.state === 'running') this.begin(run.id)
  }

  /** Starts a run's loop; one that is still finishing is waited for. */
  begin(runId: string, forgive = false): void {
    if (this.#isClosing) return
    const before = this.#loops.get(runId)
    const stop = new AbortController()
    const done = (before?.done ?? Promise.resolve()).then(() => this.#play(runId, forgive, stop.signal))
    this.#loops.set(runId, { stop, done })
  }

  /** No new round begins; a live session is finished and published. */
  async pause(runId: string, by: string): Promise<Run> {
    const event = { kind: 'run_paused', body: { reason: `paused by ${by}`, by } } as const
    const run = await this.#tools.runs.move(runId, 'pause', { reason: `paused by ${by}`, event })
    this.#loops.get(runId)?.stop.abort(new Error('the run was paused'))
    return run
  }

  async resume(runId: string, by: string): Promise<Run> {
    const event = { kind: 'run_resumed', body: { by } } as const
    const run = await this.#tools.runs.move(runId, 'resume', { reason: '', event })
    this.begin(runId, true)
    return run
  }

  /** Ends the run at once; a live session is aborted. */
  async cancel(runId: string, by: string): Promise<Run> {
    const event = { kind: 'run_cancelled', body: { by } } as const
    const run = await this.#tools.runs.move(runId, 'cancel', { reason: `cancelled by ${by}`, event })
    this.#loops.get(runId)?.stop.abort(new Error('the run was cancelled'))
    this.#tools.live.abortSession(runId, 'cancelled', 'the run was cancelled')
    return run
  }

  /** Begins nothing new, lets live sessions finish for `drainMs`, then aborts them; resolves when all loops have ended. */
  async close(drainMs: number): Promise<void> {
    this.#isClosing = true
    const loops = [...this.#loops.entries()]
    for (const [, { stop }] of loops) stop.abort(new Error('the coordinator is stopping'))
    const cut = setTimeout(() => {
      for (const [runId] of loops) {
        this.#tools.live.abortSession(runId, 'coordinator_restarted', 'the coordinator is stopping')
      }
    }, drainMs)
    await Promise.all(loops.map(([, { done }]) => done))
    clearTimeout(cut)
  }

  async #play(runId: string, forgive: boolean, signal: AbortSignal): Promise<void> {
    const { runs, live, present, log } = this.#tools
    try {
      let isForgiven = forgive
      while (!signal.aborted) {
        const run = await runs.find(runId)
        if (run.state !== 'running') break
        if (run.latestVersion >= run.plan.rounds && run.isFinalEvaluated) {
          await this.#complete(run)
          break
        }
        const outcome = await playRound({ run, forgive: isForgiven, signal }, this.#tools)
        isForgiven = false
        if (outcome.kind === 'failed') await this.#pauseItself(runId, outcome.reason)
      }
    } catch (error) {
      if (!signal.aborted) {
        log.error({ run: runId, error }, 'a round failed inside the coordinator')
        const why = error instanceof Error ? error.message : String(error)
        await this.#pauseItself(runId, `coordinator_fault: ${why}`).catch((cause: unknown) =>
          log.error({ run: runId, error: cause }, 'the run could not be paused'),
        )
      }
    } finally {
      present.delete(runId)
      live.prepared(runId)
    }
  }

  async #complete(run: Run): Promise<void> {
    const best = bestVersion(await this.#tools.versions.list(run.id), run.plan.best)
    const body = { version: run.latestVersion, bestVersion: best }
    await this.#tools.runs.move(run.id, 'complete', { reason: '', event: { kind: 'run_completed', body } })
    this.#tools.live.forget(run.id)
    this.#tools.log.info({ run: run.name, version: run.latestVersion, best }, 'run completed')
  }

  async #pauseItself(runId: string, reason: string): Promise<void> {
    this.#tools.log.warn({ run: runId, reason }, 'run paused')
    const event = { kind: 'run_paused', body: { reason, by: COORDINATOR } } as const
    try {
      await this.#tools.runs.move(runId, 'pause', { reason, event })
    } catch (error) {
      // An operator was faster: the run is paused or has ended already.
      if (!(error instanceof ConfigError)) throw error
    }
  }
}

/** What a run is doing, in words, for people. */
export function presentText(run: Run, tools: Pick<RoundTools, 'present'>): string {
  const present = tools.present.get(run.id)
  if (hasEnded(run.state)) return ''
  if (run.state === 'paused') return present === undefined ? 'paused' : `finishing ${present}`
  return present ?? 'about to begin'
}
