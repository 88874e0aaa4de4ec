/**
 * Follows a run's events through breaks of the connection: a coordinator that restarts, a network that fails. Each time it
 * goes on behind the last event it saw, and it gives up when nobody has answered for long.
 */
import { ConfigError } from '../shared/errors.ts'
import { SOFTWARE_VERSION } from '../shared/runtime/software-version.ts'
import type { OperatorHelloReply, RunEvent } from '../shared/wire/generated/blindsum/v1/operator.ts'

/** What is asked of a connection to the coordinator. */
export interface EventSource {
  hello(softwareVersion: string): Promise<OperatorHelloReply>
  watch(run: string, afterEvent: number): AsyncIterable<RunEvent>
}

export interface FollowRequest {
  readonly run: string
  /** Opens a connection for the time of `work`. */
  readonly connect: (work: (source: EventSource) => Promise<boolean>) => Promise<boolean>
  /** Takes an event; true when nothing further is wanted. */
  readonly see: (event: RunEvent) => boolean
  /** Says what happened to the connection, once per break. */
  readonly tell: (line: string) => void
  /** For how long to try again; default two minutes. */
  readonly patienceMs?: number
  /** Between the first tries; doubled up to eight times it. Default one second. */
  readonly pauseMs?: number
}

/** What a restart or a network may cause; anything else is an answer, and final. A stopping server cancels its streams. */
const BREAKS = new Set([
  'server_unreachable',
  'connection_ended',
  'cancelled',
  'shutting_down',
  'unavailable',
  'deadline_exceeded',
])
const PATIENCE_MS = 120_000
const PAUSE_MS = 1000
const LONGEST_PAUSES = 8

/**
 * Resolves when `see` has enough.
 * @throws ConfigError `connection_lost` when nobody answered for `patienceMs`; what the coordinator refuses; and every
 * failure of the first connection.
 */
export async function followRun(request: FollowRequest): Promise<void> {
  const { run, connect, see, tell, patienceMs = PATIENCE_MS, pauseMs = PAUSE_MS } = request
  let after = 0
  let isFirst = true
  let lostAtMs: number | null = null
  let tries = 0
  for (;;) {
    try {
      const isEnough = await connect(async (source) => {
        // A stream says nothing until something happens; the greeting tells that somebody is there.
        if (!isFirst) await source.hello(SOFTWARE_VERSION)
        if (lostAtMs !== null) tell('connected again')
        lostAtMs = null
        tries = 0
        for await (const event of source.watch(run, after)) {
          isFirst = false
          after = event.sequence
          if (see(event)) return true
        }
        return false
      })
      if (isEnough) return
    } catch (error) {
      if (isFirst || !(error instanceof ConfigError) || !BREAKS.has(error.code)) throw error
    }
    if (lostAtMs === null) {
      lostAtMs = Date.now()
      tell('connection lost, trying again')
    }
    if (Date.now() - lostAtMs > patienceMs) throw lost(run, patienceMs)
    await new Promise((resolve) => setTimeout(resolve, pauseMs * Math.min(2 ** tries, LONGEST_PAUSES)))
    tries += 1
  }
}

function lost(run: string, patienceMs: number): ConfigError {
  const problem = `the coordinator has not answered for ${Math.round(patienceMs / 1000)} s; the run may go on without you`
  return new ConfigError('connection_lost', `${problem}: look again later with: blindsum run watch ${run}`)
}
