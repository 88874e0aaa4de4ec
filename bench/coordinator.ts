/** The measured coordinator: instructions to bytes, messages from bytes, stages closed; all of it booked by stage. */
import { instructionFor } from '../coordinator/protocol/instructions.ts'
import { closeStage, isLive, openSession, type ReceivedMessage, receive } from '../coordinator/protocol/session.ts'
import type { CoordinatorSession } from '../coordinator/protocol/session-state.ts'
import { invariant } from '../shared/errors.ts'
import type { TrustBundle } from '../shared/identity/trust-bundle.ts'
import { contextDigest, type SessionContext } from '../shared/protocol/context.ts'
import type { Instruction } from '../shared/protocol/messages.ts'
import { instructionBytes as encodeInstruction } from '../simulation/wire-bytes.ts'
import { NOW_MS } from './cohort.ts'
import type { Stopwatch } from './stopwatch.ts'

const SESSION = { runId: 'bench', round: 1, sessionId: new Uint8Array(16) }

export class MeasuredCoordinator {
  readonly #watch: Stopwatch
  readonly #environment: { readonly nowMs: number; readonly bundle: TrustBundle }
  #session: CoordinatorSession

  constructor(
    context: SessionContext,
    expected: ReadonlySet<string>,
    tools: { bundle: TrustBundle; watch: Stopwatch },
  ) {
    this.#watch = tools.watch
    this.#environment = { nowMs: NOW_MS, bundle: tools.bundle }
    this.#session = openSession({
      context,
      contextDigest: contextDigest(context),
      enrolled: [...expected],
      expected,
      targetCohort: expected.size,
    })
  }

  /** The session, which has come to this stage. */
  at<S extends CoordinatorSession['stage']>(stage: S): Extract<CoordinatorSession, { stage: S }> {
    invariant(this.#session.stage === stage, `the session stands at ${this.#session.stage}, not at ${stage}`)
    return this.#session as Extract<CoordinatorSession, { stage: S }>
  }

  /** The bytes of where the session stands for one participant. */
  instruct(name: string, spiffeId: string): Uint8Array {
    return this.#watch.time(name, () => {
      const instruction = instructionFor(this.#session, spiffeId)
      invariant(instruction !== null, `${spiffeId} is part of the session`)
      return instructionBytes(instruction)
    })
  }

  /** Takes a message as `read` makes it from its bytes. */
  receive(name: string, from: string, read: () => ReceivedMessage): void {
    this.#watch.time(name, () => {
      const received = receive(this.#session, from, read(), this.#environment)
      const { outcome } = received
      invariant(outcome.kind === 'accepted', outcome.kind === 'rejected' ? `${from}: ${outcome.message}` : '')
      this.#session = received.session
    })
  }

  close(name: string): void {
    this.#watch.time(name, () => {
      const session = this.#session
      invariant(isLive(session), 'only a live session closes a stage')
      this.#session = closeStage(session)
    })
    const session = this.#session
    invariant(session.stage !== 'aborted', session.stage === 'aborted' ? `${session.reason}: ${session.detail}` : '')
  }
}

/** An instruction as it goes down. */
export function instructionBytes(instruction: Instruction): Uint8Array {
  return encodeInstruction(instruction, SESSION)
}
