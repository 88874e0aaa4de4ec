/**
 * Where a participant's call goes: to the round that is asking for reports, or to the live session. A session stays known
 * until the run's next one, so that an answer whose acknowledgement was lost gets its repeat.
 */
import { encodeHex } from '../../shared/crypto/digest.ts'
import type { AbortReason } from '../../shared/protocol/messages.ts'
import { refuse } from '../../shared/protocol/refusal.ts'
import type { SessionRunner } from '../session-runner/session-runner.ts'
import type { Preparation } from './preparation.ts'

export class LiveRounds {
  readonly #preparations = new Map<string, Preparation>()
  /** By run, then looked up by id: a run has one session at a time. */
  readonly #sessions = new Map<string, SessionRunner>()

  prepare(runId: string, preparation: Preparation): void {
    this.#preparations.set(runId, preparation)
  }

  open(runId: string, session: SessionRunner): void {
    this.#sessions.set(runId, session)
  }

  /** The preparation is over. */
  prepared(runId: string): void {
    this.#preparations.delete(runId)
  }

  /** The run asks for nothing any more. */
  forget(runId: string): void {
    this.#preparations.delete(runId)
    this.#sessions.delete(runId)
  }

  /** The run's preparation. @throws ProtocolError `late` when it is not being prepared. */
  preparationOf(runId: string): Preparation {
    return this.#preparations.get(runId) ?? refuse('late', 'this run is not preparing a round')
  }

  /** @throws ProtocolError `wrong_session` for a session that is not live here. */
  session(sessionId: Uint8Array): SessionRunner {
    const wanted = encodeHex(sessionId)
    for (const session of this.#sessions.values()) if (session.sessionId === wanted) return session
    return refuse('wrong_session', 'no such session is live here: it has ended, or the coordinator was restarted')
  }

  /** Stops the run's live session where it is, if there is one. */
  async suspendSession(runId: string): Promise<void> {
    await this.#sessions.get(runId)?.suspend()
  }

  /** Aborts the run's live session, if there is one. */
  abortSession(runId: string, reason: AbortReason, detail: string): void {
    this.#sessions.get(runId)?.abort(reason, detail)
  }
}
