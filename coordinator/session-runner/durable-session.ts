/**
 * A session whose every change is committed before anything follows from it. What comes in waits its turn; what waits
 * together is judged in order and written in one commit; only then is the state the new one, are answers given and effects
 * performed. A commit that fails leaves everything as it was, and those who asked are told to try again.
 */
import { setImmediate } from 'node:timers/promises'
import type { AbortReason, MessageOutcome } from '../../shared/protocol/messages.ts'
import { type CoordinatorDrill, pointAfterCommit } from '../drill.ts'
import { applyFact, isLive, type ReceivedMessage, receive, type SessionEffect } from '../protocol/session.ts'
import type { SessionFact } from '../protocol/session-facts.ts'
import type { CoordinatorSession, LiveSession } from '../protocol/session-state.ts'
import type { CoordinatorEnvironment } from '../protocol/stage0-advertise-keys.ts'
import type { SessionJournal, StageTimes } from './session-journal.ts'

/** A change that is durable. `from` sent the message that made it; `null` when no message did. */
export interface Change {
  readonly before: CoordinatorSession
  readonly after: CoordinatorSession
  readonly from: string | null
  readonly message: ReceivedMessage | null
  readonly outcome: MessageOutcome | null
  readonly effects: readonly SessionEffect[]
}

export interface DurableSessionRequest {
  readonly session: CoordinatorSession
  readonly stage: StageTimes
  readonly stageDeadlineMs: number
  readonly journal: SessionJournal
  readonly environment: () => CoordinatorEnvironment
  readonly drill: CoordinatorDrill
  /** A stage that could not be closed, through a fault of ours: the session is aborted. */
  readonly onFault: (error: unknown) => void
  /** Performs what follows from a change. Must not throw. */
  readonly onChange: (change: Change) => void
}

type Asked =
  | { readonly kind: 'message'; readonly from: string; readonly message: ReceivedMessage }
  | { readonly kind: 'close'; readonly stage: LiveSession['stage'] }
  | { readonly kind: 'abort'; readonly reason: AbortReason; readonly detail: string }

interface Waiting {
  readonly asked: Asked
  readonly resolve: (outcome: MessageOutcome | null) => void
  readonly reject: (reason: unknown) => void
}

/** Judged between two turns of the event loop: some milliseconds of signatures. */
const BATCH = 32

export class DurableSession {
  readonly #request: DurableSessionRequest
  readonly #waiting: Waiting[] = []
  #state: CoordinatorSession
  #stage: StageTimes
  #working: Promise<void> | null = null
  #ended: Error | null = null

  constructor(request: DurableSessionRequest) {
    this.#request = request
    this.#state = request.session
    this.#stage = request.stage
  }

  /** The state of the last commit. */
  get state(): CoordinatorSession {
    return this.#state
  }

  get stage(): StageTimes {
    return this.#stage
  }

  /** Takes a message. @throws StorageFailure when what it changes could not be kept: nothing has changed. */
  async receive(from: string, message: ReceivedMessage): Promise<MessageOutcome> {
    const outcome = await this.#ask({ kind: 'message', from, message })
    return outcome ?? { kind: 'accepted', repeated: false }
  }

  /** Closes the stage, if it is still this one. @throws StorageFailure. */
  async close(stage: LiveSession['stage']): Promise<void> {
    await this.#ask({ kind: 'close', stage })
  }

  /** Ends the session without a sum, if it still lives. @throws StorageFailure. */
  async abort(reason: AbortReason, detail: string): Promise<void> {
    await this.#ask({ kind: 'abort', reason, detail })
  }

  /** Takes nothing more, and tells everybody why; resolves when nothing is being written. */
  async suspend(reason: Error): Promise<void> {
    this.#ended = reason
    for (const { reject } of this.#waiting.splice(0)) reject(reason)
    await this.#working
  }

  #ask(asked: Asked): Promise<MessageOutcome | null> {
    if (this.#ended !== null) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ asked, resolve, reject })
      this.#working ??= this.#work()
    })
  }

  async #work(): Promise<void> {
    // What comes in the same turn of the event loop shares a commit.
    await setImmediate()
    while (this.#waiting.length > 0) {
      await this.#turn(this.#waiting.splice(0, BATCH))
      await setImmediate()
    }
    this.#working = null
  }

  async #turn(batch: readonly Waiting[]): Promise<void> {
    const { journal, environment, drill, onChange, onFault } = this.#request
    const judged: { readonly waiting: Waiting; readonly change: Change }[] = []
    const facts: SessionFact[] = []
    let next = this.#state
    const now = environment()
    for (const waiting of batch) {
      try {
        const { change, fact } = judge(next, waiting.asked, { ...now, onFault })
        judged.push({ waiting, change })
        if (fact !== null) facts.push(fact)
        next = change.after
      } catch (error) {
        waiting.reject(error)
      }
    }
    const stage =
      next.stage === this.#state.stage
        ? this.#stage
        : { openedAtMs: now.nowMs, deadlineAtMs: now.nowMs + this.#request.stageDeadlineMs }
    try {
      if (facts.length > 0) await journal.append(facts, stage === this.#stage ? null : stage)
    } catch (error) {
      for (const { waiting } of judged) waiting.reject(error)
      return
    }
    this.#state = next
    this.#stage = stage
    for (const fact of facts) await drill.reach(pointAfterCommit(fact), next.setup.context.round)
    for (const { waiting, change } of judged) {
      onChange(change)
      waiting.resolve(change.outcome)
    }
  }
}

function judge(
  before: CoordinatorSession,
  asked: Asked,
  { onFault, ...environment }: CoordinatorEnvironment & { readonly onFault: (error: unknown) => void },
): { readonly change: Change; readonly fact: SessionFact | null } {
  if (asked.kind === 'message') {
    const { from, message } = asked
    const { session: after, outcome, effects, fact } = receive(before, from, message, environment)
    return { change: { before, after, from, message, outcome, effects }, fact }
  }
  const nobody = { before, from: null, message: null, outcome: null, effects: [] }
  const isMoot = !isLive(before) || (asked.kind === 'close' && before.stage !== asked.stage)
  if (isMoot) return { change: { ...nobody, after: before }, fact: null }
  if (asked.kind === 'close') {
    try {
      const fact = { kind: 'stage-closed', stage: asked.stage } as const
      return { change: { ...nobody, after: applyFact(before, fact) }, fact }
    } catch (error) {
      onFault(error)
    }
  }
  const { reason, detail } = asked.kind === 'abort' ? asked : OWN_FAULT
  const fact = { kind: 'aborted', reason, detail } as const
  return { change: { ...nobody, after: applyFact(before, fact) }, fact }
}

const OWN_FAULT = { reason: 'cancelled', detail: 'internal error of the coordinator' } as const
