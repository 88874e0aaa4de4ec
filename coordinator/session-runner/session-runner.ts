/**
 * Runs one session: hands messages to the protocol core, closes stages by the rule, tells every participant where it
 * stands after each change, lets masked inputs be added up, and at the end takes the masks off. The core decides what is
 * right; this file decides when, and moves the bytes.
 *
 * The state lives in memory: a coordinator that restarts aborts the session, and the round begins another one.
 */
import { encodeHex } from '../../shared/crypto/digest.ts'
import { wipe } from '../../shared/crypto/secrets.ts'
import { InvariantError } from '../../shared/errors.ts'
import type { TrustBundle } from '../../shared/identity/trust-bundle.ts'
import type { MaskEngine } from '../../shared/masks/mask-engine.ts'
import { isIn } from '../../shared/protocol/ascending.ts'
import type { AbortReason, MessageOutcome } from '../../shared/protocol/messages.ts'
import { ProtocolError, refuse, refuseIf } from '../../shared/protocol/refusal.ts'
import type { Log } from '../../shared/runtime/log.ts'
import { type VectorEncoding, vectorLayout } from '../../shared/vector/encoding.ts'
import { type DecodedSum, decodeSum, implausibleSum } from '../../shared/vector/sum.ts'
import type { Instruction as WireInstruction } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { instructionToWire } from '../../shared/wire/to-wire.ts'
import type { Attendance } from '../attendance/attendance.ts'
import { StageWatch } from '../attendance/stage-watch.ts'
import { instructionFor } from '../protocol/instructions.ts'
import {
  abortSession,
  awaited,
  closeStage,
  isLive,
  openSession,
  type ReceivedMessage,
  receive,
} from '../protocol/session.ts'
import { type Completed, type CoordinatorSession, indexOf, type SessionSetup } from '../protocol/session-state.ts'
import { Accumulator } from './accumulator.ts'
import { type StageCount, stageCount } from './session-count.ts'
import { UploadDesk } from './upload-desk.ts'
import type { UploadSpool } from './upload-spool.ts'

export interface SessionTools {
  readonly attendance: Attendance
  readonly engine: MaskEngine
  readonly bundle: () => TrustBundle
  readonly spoolFolder: string
  readonly nowMs: () => number
  readonly log: Log
}

export interface SessionRequest {
  readonly setup: SessionSetup
  readonly encoding: VectorEncoding
  readonly stageDeadlineMs: number
  readonly joinGraceMs: number
  /** Number of the version trained from: participants download by digest, people read numbers. */
  readonly version: number
  /** A participant left by its own decision, with its reason; once each. */
  readonly onWithdrawn?: (spiffeId: string, reason: { readonly code: string; readonly message: string }) => void
  readonly onProgress: (count: StageCount | { readonly stage: 'unmask'; readonly answered: 0; readonly of: 0 }) => void
}

export type SessionEnd =
  | { readonly kind: 'completed'; readonly session: Completed; readonly sum: DecodedSum }
  | {
      readonly kind: 'aborted'
      readonly reason: AbortReason | 'coordinator_fault'
      readonly detail: string
      readonly named: readonly string[]
    }

/** A participant's place at the upload desk: `null` when its masked input is complete already. */
export type UploadPlace = { readonly spool: UploadSpool; readonly stream: number } | null

export class SessionRunner {
  readonly sessionId: string
  /** Settles once; never rejects. */
  readonly ended: Promise<SessionEnd>
  readonly #tools: SessionTools
  readonly #request: SessionRequest
  readonly #watch: StageWatch
  readonly #uploads: UploadDesk
  readonly #cancelled = new AbortController()
  readonly #uploadsClosing = new AbortController()
  #session: CoordinatorSession
  #accumulator: Accumulator | null = null
  #settle: (end: SessionEnd) => void = () => undefined

  constructor(tools: SessionTools, request: SessionRequest) {
    const { context } = request.setup
    this.sessionId = encodeHex(context.sessionId)
    this.#tools = tools
    this.#request = request
    this.#watch = new StageWatch(tools.attendance, tools.nowMs)
    const layout = vectorLayout(request.encoding)
    this.#uploads = new UploadDesk({ folder: tools.spoolFolder, prefix: this.sessionId, layout })
    this.#session = openSession(request.setup)
    this.ended = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  /** Aborted when no masked input can count any more: uploads under way end. */
  get uploadsClosed(): AbortSignal {
    return this.#uploadsClosing.signal
  }

  /** Opens stage 0 for everybody expected. */
  start(): void {
    this.#enterStage()
  }

  /** Takes a message from the SPIFFE ID of a connection. */
  deliver(from: string, message: ReceivedMessage): MessageOutcome {
    const environment = { nowMs: this.#tools.nowMs(), bundle: this.#tools.bundle() }
    const { session, outcome, effects } = receive(this.#session, from, message, environment)
    if (outcome.kind === 'rejected') {
      const { code } = outcome
      this.#tools.log.info({ session: this.sessionId, from, message: message.kind, code }, 'message rejected')
    }
    if (message.kind === 'withdraw' && outcome.kind === 'accepted' && !outcome.repeated) {
      this.#request.onWithdrawn?.(from, message)
    }
    for (const _fold of effects) this.#fold(from)
    this.#become(session, from)
    return outcome
  }

  /** How much of a participant's masked input is here. */
  uploadProgress(from: string): { readonly acknowledgedBytes: number; readonly complete: boolean } {
    refuseIf(!this.#request.setup.expected.has(from), 'unknown_participant', `${from} is not in this session`)
    const complete = this.#hasContributed(from)
    const { packedBytes } = vectorLayout(this.#request.encoding)
    return { acknowledgedBytes: complete ? packedBytes : this.#uploads.acknowledgedBytes(from), complete }
  }

  /** Lets a participant of U2 upload. @throws ProtocolError `late`, `wrong_stage`, `not_in_shared_set`, `wrong_length`. */
  openUpload(from: string, totalBytes: number): UploadPlace {
    const { packedBytes } = vectorLayout(this.#request.encoding)
    refuseIf(!this.#request.setup.expected.has(from), 'unknown_participant', `${from} is not in this session`)
    refuseIf(
      totalBytes !== packedBytes,
      'wrong_length',
      `a masked input is ${packedBytes} bytes here, not ${totalBytes}`,
    )
    if (this.#hasContributed(from)) return null
    const session = this.#session
    const { stage } = session
    refuseIf(stage === 'advertise-keys' || stage === 'share-keys', 'wrong_stage', `a masked input in stage ${stage}`)
    if (stage !== 'mask-input') refuse('late', `a masked input after its stage: the session is at ${stage}`)
    const index = indexOf(session.roster, from)
    refuseIf(index === null || !isIn(session.shared, index), 'not_in_shared_set', `${from} is not in U2`)
    const isOut = session.withdrawn.has(from) || session.named.has(from)
    refuseIf(isOut, 'late', `${from} has left this session`)
    const spool = this.#uploads.spoolOf(from)
    return { spool, stream: spool.takeOver() }
  }

  /** Counts the uploaded masked input, or throws away what was sent when it does not fit its receipt. */
  async finishUpload(
    from: string,
    place: UploadPlace,
    receipt: { readonly digest: Uint8Array; readonly signature: Uint8Array },
  ): Promise<MessageOutcome> {
    const receivedDigest = place === null ? receipt.digest : await place.spool.finish(place.stream)
    const outcome = this.deliver(from, { kind: 'contribution', ...receipt, receivedDigest })
    if (outcome.kind === 'rejected' && place !== null) await this.#uploads.discard(from)
    return outcome
  }

  /** Ends the session without a sum. Does nothing once it has ended. */
  abort(reason: AbortReason, detail: string): void {
    this.#cancelled.abort(new Error(detail))
    if (isLive(this.#session)) this.#become(abortSession(this.#session, reason, detail), null)
  }

  #become(session: CoordinatorSession, from: string | null): void {
    const before = this.#session
    if (session === before) return
    this.#session = session
    if (session.stage !== before.stage) {
      this.#enterStage()
      return
    }
    const isStandingChanged = session.withdrawn !== before.withdrawn || session.named !== before.named
    if (from !== null && isStandingChanged) this.#tell(from)
    if (isLive(session)) this.#request.onProgress(stageCount(session))
    this.#watch.look()
  }

  #enterStage(): void {
    const session = this.#session
    const { log } = this.#tools
    log.debug({ session: this.sessionId, stage: session.stage }, 'stage')
    if (session.stage === 'attest-survivors' || session.stage === 'aborted') {
      this.#uploadsClosing.abort(new ProtocolError('late', 'the stage of masked inputs has closed'))
      this.#uploads.discardAll().catch((error: unknown) => log.error({ error }, 'an upload could not be deleted'))
    }
    for (const spiffeId of this.#request.setup.expected) this.#tell(spiffeId)
    if (session.stage === 'completed') {
      this.#watch.end()
      this.#request.onProgress({ stage: 'unmask', answered: 0, of: 0 })
      void this.#unmask(session)
    } else if (session.stage === 'aborted') {
      const { reason, detail, named } = session
      void this.#end({ kind: 'aborted', reason, detail, named: [...named] })
    } else {
      this.#request.onProgress(stageCount(session))
      this.#watch.begin({
        awaited: () => awaited(this.#session),
        deadlineMs: this.#request.stageDeadlineMs,
        joinGraceMs: this.#request.joinGraceMs,
        onClose: () => this.#close(),
      })
    }
  }

  #close(): void {
    const session = this.#session
    if (!isLive(session)) return
    try {
      this.#become(closeStage(session), null)
    } catch (error) {
      this.#tools.log.error({ session: this.sessionId, error }, 'a stage could not be closed')
      this.#session = abortSession(session, 'cancelled', 'internal error of the coordinator')
      this.#enterStage()
    }
  }

  #fold(from: string): void {
    const layout = vectorLayout(this.#request.encoding)
    this.#accumulator ??= new Accumulator(layout)
    this.#accumulator.fold(this.#uploads.take(from))
  }

  async #unmask(session: Completed): Promise<void> {
    const { encoding } = this.#request
    const named = [...session.named]
    const survivors = session.survivors.length
    try {
      if (this.#accumulator === null) throw new InvariantError('a completed session has masked inputs')
      const lanes = await this.#accumulator.unmask(this.#tools.engine, session.masks, this.#cancelled.signal)
      const sum = decodeSum(lanes, encoding, survivors)
      const flaw = implausibleSum(sum, encoding, survivors)
      await this.#end(
        flaw === null
          ? { kind: 'completed', session, sum }
          : { kind: 'aborted', reason: 'implausible_sum', detail: `${flaw.code}: ${flaw.message}`, named },
      )
    } catch (error) {
      const isCancelled = this.#cancelled.signal.aborted
      if (!isCancelled) this.#tools.log.error({ session: this.sessionId, error }, 'the sum could not be unmasked')
      const detail = isCancelled ? 'cancelled while unmasking' : 'the coordinator could not unmask the sum; see its log'
      await this.#end({ kind: 'aborted', reason: isCancelled ? 'cancelled' : 'coordinator_fault', detail, named })
    } finally {
      for (const { key } of session.masks) wipe(key)
    }
  }

  async #end(end: SessionEnd): Promise<void> {
    this.#watch.end()
    await this.#accumulator?.wipe()
    this.#accumulator = null
    this.#settle(end)
  }

  #hasContributed(from: string): boolean {
    const session = this.#session
    if (!('contributions' in session)) return false
    const index = indexOf(session.roster, from)
    return index !== null && session.contributions.has(index)
  }

  /** What is told is looked up when it is sent; after the end it stands alone, so that the session's data can go. */
  #tell(spiffeId: string): void {
    if (isLive(this.#session)) this.#tools.attendance.tell(spiffeId, () => this.#instruction(spiffeId))
    else {
      const last = this.#instruction(spiffeId)
      this.#tools.attendance.tell(spiffeId, () => last)
    }
  }

  #instruction(spiffeId: string): WireInstruction {
    const { context } = this.#request.setup
    const instruction = instructionFor(this.#session, spiffeId)
    if (instruction === null) throw new InvariantError(`${spiffeId} is not in this session`)
    const { planDigest, modelDigest } = context
    const step = instructionToWire(instruction, { planDigest, modelDigest, version: this.#request.version })
    return { runId: context.runId, round: context.round, sessionId: context.sessionId, step }
  }
}
