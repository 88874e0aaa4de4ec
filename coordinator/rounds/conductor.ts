/**
 * Keeps every running run going, round after round, and carries out what operators ask: pause, resume, cancel. The store is
 * the truth: a loop reads the run anew before each round, so starting the coordinator is the same as going on.
 */
import { ConfigError } from '../../shared/errors.ts'
import { bestVersion } from '../registry/best-version.ts'
import { hasEnded } from '../registry/run-state.ts'
import type { Run } from '../registry/runs.ts'
import { CoordinatorStopping } from '../stopping.ts'
import { clearOrphans, type Found, findAttempts } from './recovery.ts'
import { playRound } from './round.ts'
import type { ResumedAttempt } from './round-attempt.ts'
import type { RoundTools } from './tools.ts'

/** Who is named as the mover when the coordinator itself pauses a run. */
const COORDINATOR = 'coordinator'

/** What a start found in the folder. */
export interface Recovered {
  /** Ids of the sessions that go on. */
  readonly sessions: readonly string[]
  /** Files that nothing named any more, deleted: of masked inputs and their sums, and of models and provenance. */
  readonly orphanedUploads: number
  readonly orphanedBlobs: number
}

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

  /**
   * Goes on with every running run, and with every session that an earlier process was at; when this resolves, everybody in
   * them is told where they stand as soon as they attend. To be waited for before anybody is let in.
   */
  async recover(): Promise<Recovered> {
    const found = await findAttempts(this.#tools)
    const cleared = await clearOrphans(found, this.#tools)
    const resumed = new Map(found.map((attempt) => [attempt.live.runId, this.#resume(attempt)]))
    await Promise.all(resumed.values())
    for (const run of await this.#tools.runs.list()) {
      if (run.state === 'running' && !resumed.has(run.id)) this.begin(run.id)
    }
    return { sessions: found.map(({ live }) => live.sessionId), ...cleared }
  }

  /** Resolves when everybody in the attempt is told where they stand, or when its loop has ended before that. */
  async #resume(attempt: Found): Promise<void> {
    const { runId } = attempt.live
    const installed = Promise.withResolvers<void>()
    this.begin(runId, false, { ...attempt, onInstalled: installed.resolve })
    await Promise.race([installed.promise, this.#loops.get(runId)?.done])
  }

  /** Starts a run's loop; one that is still finishing is waited for. */
  begin(runId: string, forgive = false, resumed: ResumedAttempt | null = null): void {
    if (this.#isClosing) return
    const before = this.#loops.get(runId)
    const stop = new AbortController()
    const done = (before?.done ?? Promise.resolve()).then(() => this.#play({ runId, forgive, resumed }, stop.signal))
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

  /**
   * Begins nothing new and lets live sessions finish for `drainMs`; what is still live then goes on at the next start.
   * Resolves when all loops have ended.
   */
  async close(drainMs: number): Promise<void> {
    this.#isClosing = true
    const loops = [...this.#loops.entries()]
    for (const [, { stop }] of loops) stop.abort(new CoordinatorStopping())
    const cut = setTimeout(() => {
      for (const [runId] of loops) {
        this.#tools.live.suspendSession(runId).catch((error: unknown) => {
          this.#tools.log.error({ run: runId, error }, 'a session could not be stopped in good order')
        })
      }
    }, drainMs)
    await Promise.all(loops.map(([, { done }]) => done))
    clearTimeout(cut)
  }

  async #play(
    { runId, forgive, ...from }: { runId: string; forgive: boolean; resumed: ResumedAttempt | null },
    signal: AbortSignal,
  ): Promise<void> {
    const { runs, live, present, log } = this.#tools
    let until = signal
    try {
      let isForgiven = forgive
      let { resumed } = from
      while (!signal.aborted) {
        const run = await runs.find(runId)
        // A session is finished though its run was paused meanwhile; nothing more is begun.
        if (run.state !== 'running' && (resumed === null || run.state !== 'paused')) break
        if (run.state === 'paused') until = AbortSignal.abort(new Error('the run is paused'))
        if (run.latestVersion >= run.plan.rounds && run.isFinalEvaluated) {
          await this.#complete(run)
          break
        }
        const outcome = await playRound({ run, forgive: isForgiven, resumed, signal: until }, this.#tools)
        isForgiven = false
        resumed = null
        if (outcome.kind === 'failed') await this.#pauseItself(runId, outcome.reason)
      }
    } catch (error) {
      if (!signal.aborted && !until.aborted) {
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
