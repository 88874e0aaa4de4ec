/**
 * Brings runs and agents together: runs queue for a cohort, agents serve one round at a time. Looks again whenever an agent
 * comes or goes, a round ends, or a grace period is over; what to do then is decided in schedule.ts.
 */
import type { Rng } from '../../shared/random.ts'
import type { Attendance } from '../attendance/attendance.ts'
import { schedule, type Verdict, type WaitingRun } from './schedule.ts'
import { selectCohort } from './select.ts'

export interface GatherRequest {
  readonly runId: string
  readonly enrolled: readonly string[]
  readonly leftOut: readonly string[]
  readonly needed: number
  readonly wanted: number
  readonly joinGraceMs: number
  /** Ends the waiting; the promise then rejects with the signal's reason. */
  readonly signal: AbortSignal
  /** Told in words what is being waited for. */
  readonly onWaiting: (present: string) => void
  /** Give up when too few have been connected for so long; null waits as long as it takes. */
  readonly giveUpAfterMs: number | null
}

export type Gathered =
  | { readonly kind: 'cohort'; readonly cohort: readonly string[] }
  | { readonly kind: 'gave-up'; readonly message: string }

interface Waiting {
  readonly request: GatherRequest
  /** Since when enough are connected; moves on while too few are. */
  gatheringSinceMs: number
  shortSinceMs: number | null
  readonly resolve: (gathered: Gathered) => void
}

export class Floor {
  readonly #attendance: Attendance
  readonly #rng: Rng
  readonly #nowMs: () => number
  readonly #queue: Waiting[] = []
  /** SPIFFE ID to the run it serves. */
  readonly #serving = new Map<string, string>()
  #timer: NodeJS.Timeout | undefined

  constructor(input: { readonly attendance: Attendance; readonly rng: Rng; readonly nowMs: () => number }) {
    this.#attendance = input.attendance
    this.#rng = input.rng
    this.#nowMs = input.nowMs
    this.#attendance.onChange(() => this.#look())
  }

  /** Queues for a cohort. Whoever is in it serves this run until {@link release}. */
  gather(request: GatherRequest): Promise<Gathered> {
    return new Promise((resolve, reject) => {
      if (request.signal.aborted) {
        reject(request.signal.reason)
        return
      }
      const abandon = () => {
        this.#leave(waiting)
        reject(request.signal.reason)
        this.#look()
      }
      request.signal.addEventListener('abort', abandon, { once: true })
      const waiting: Waiting = {
        request,
        gatheringSinceMs: this.#nowMs(),
        shortSinceMs: null,
        resolve: (gathered) => {
          request.signal.removeEventListener('abort', abandon)
          resolve(gathered)
        },
      }
      this.#queue.push(waiting)
      this.#look()
    })
  }

  /** These serve the run already: an earlier process had gathered them. */
  claim(runId: string, cohort: readonly string[]): void {
    for (const spiffeId of cohort) this.#serving.set(spiffeId, runId)
  }

  /** The run's round is over: its agents are free. */
  release(runId: string): void {
    for (const [spiffeId, serves] of this.#serving) if (serves === runId) this.#serving.delete(spiffeId)
    this.#look()
  }

  #leave(waiting: Waiting): void {
    const place = this.#queue.indexOf(waiting)
    if (place >= 0) this.#queue.splice(place, 1)
  }

  #look(): void {
    clearTimeout(this.#timer)
    for (;;) {
      const verdicts = schedule(this.#queue.map(asRun), (id) => this.#standingOf(id), this.#nowMs())
      const last = verdicts.at(-1)
      this.#tellWaiting(verdicts)
      if (last?.kind !== 'start') {
        this.#lookLater(verdicts)
        return
      }
      const waiting = this.#queue.find(({ request }) => request.runId === last.runId)
      if (waiting === undefined) return
      this.#leave(waiting)
      const cohort = selectCohort(last.eligible, waiting.request.wanted, this.#rng)
      for (const spiffeId of cohort) this.#serving.set(spiffeId, last.runId)
      waiting.resolve({ kind: 'cohort', cohort })
    }
  }

  #standingOf(spiffeId: string) {
    return { absentSinceMs: this.#attendance.absentSinceMs(spiffeId), isBusy: this.#serving.has(spiffeId) }
  }

  #tellWaiting(verdicts: readonly Verdict[]): void {
    for (const verdict of verdicts) {
      const waiting = this.#queue.find(({ request }) => request.runId === verdict.runId)
      if (verdict.kind === 'start' || waiting === undefined) continue
      const nowMs = this.#nowMs()
      if (verdict.why === 'short') {
        waiting.gatheringSinceMs = nowMs
        waiting.shortSinceMs ??= nowMs
      } else waiting.shortSinceMs = null
      const { request } = waiting
      const present = describe(verdict, request)
      request.onWaiting(present)
      const { giveUpAfterMs } = request
      if (giveUpAfterMs === null || waiting.shortSinceMs === null) continue
      if (nowMs - waiting.shortSinceMs < giveUpAfterMs) continue
      this.#leave(waiting)
      waiting.resolve({ kind: 'gave-up', message: present })
    }
  }

  #lookLater(verdicts: readonly Verdict[]): void {
    const times = verdicts.flatMap((verdict) => (verdict.kind === 'wait' && verdict.untilMs ? [verdict.untilMs] : []))
    for (const { request, shortSinceMs } of this.#queue) {
      if (request.giveUpAfterMs !== null && shortSinceMs !== null) times.push(shortSinceMs + request.giveUpAfterMs)
    }
    if (times.length === 0) return
    this.#timer = setTimeout(() => this.#look(), Math.max(10, Math.min(...times) - this.#nowMs()))
    this.#timer.unref()
  }
}

function asRun({ request, gatheringSinceMs }: Waiting): WaitingRun {
  return { ...request, gatheringSinceMs }
}

function describe(verdict: Extract<Verdict, { kind: 'wait' }>, request: GatherRequest): string {
  const { connected, absent } = verdict
  const missing = absent.length === 0 ? '' : `; not connected: ${absent.slice(0, 5).join(', ')}`
  const more = absent.length > 5 ? ` and ${absent.length - 5} more` : ''
  const without = request.leftOut.length === 0 ? '' : `; left out this time: ${request.leftOut.join(', ')}`
  switch (verdict.why) {
    case 'short':
      return `waiting for participants: ${connected} connected, ${request.needed} needed${missing}${more}${without}`
    case 'busy':
      return 'waiting for participants that serve another run'
    case 'gathering':
      return `${connected} participants are connected; waiting a little for the rest${missing}${more}`
  }
}
