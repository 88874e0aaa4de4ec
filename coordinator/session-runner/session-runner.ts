/**
 * Runs one session: hands messages to the protocol core, closes stages by the rule, tells every participant where it
 * stands after each change, lets masked inputs be added up, and at the end takes the masks off. The core decides what is
 * right; this file decides when, and moves the bytes.
 *
 * Every change is durable before anything follows from it, so that a coordinator that was killed goes on with the session
 * where it was: what follows from a state can be done again.
 */
import { encodeHex } from '../../shared/crypto/digest.ts'
import { wipe } from '../../shared/crypto/secrets.ts'
import { InvariantError } from '../../shared/errors.ts'
import { isIn } from '../../shared/protocol/ascending.ts'
import type { AbortReason, MessageOutcome } from '../../shared/protocol/messages.ts'
import { ProtocolError, refuse, refuseIf } from '../../shared/protocol/refusal.ts'
import { vectorLayout } from '../../shared/vector/encoding.ts'
import { type DecodedSum, decodeSum, implausibleSum } from '../../shared/vector/sum.ts'
import type { Instruction as WireInstruction } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { instructionToWire } from '../../shared/wire/to-wire.ts'
import { StageWatch } from '../attendance/stage-watch.ts'
import { instructionFor } from '../protocol/instructions.ts'
import { awaited, isLive, type ReceivedMessage } from '../protocol/session.ts'
import { type Completed, type CoordinatorSession, indexOf, type LiveSession } from '../protocol/session-state.ts'
import { CoordinatorStopping } from '../stopping.ts'
import { Accumulator } from './accumulator.ts'
import { clearSpoolOf } from './clear-spool.ts'
import { type Change, DurableSession } from './durable-session.ts'
import { stageCount } from './session-count.ts'
import type { SessionJournal } from './session-journal.ts'
import type { SessionRequest, SessionTools } from './session-request.ts'
import { notInSum } from './spool-files.ts'
import { UploadDesk } from './upload-desk.ts'
import type { UploadSpool } from './upload-spool.ts'

export type SessionEnd =
  | { readonly kind: 'completed'; readonly session: Completed; readonly sum: DecodedSum }
  | {
      readonly kind: 'aborted'
      readonly reason: AbortReason | 'coordinator_fault'
      readonly detail: string
      readonly named: readonly string[]
    }
  /** The coordinator is stopping; the session goes on when it starts again. */
  | { readonly kind: 'suspended' }

/** A participant's place at the upload desk: `null` when its masked input is complete already. */
export type UploadPlace = { readonly spool: UploadSpool; readonly stream: number } | null

/** After a change that could not be kept, it is tried again so much later. */
const RETRY_MS = 1000

const SUM_FAILED = 'the coordinator could not add up the masked inputs; see its log'

export class SessionRunner {
  readonly sessionId: string
  /** Settles once; never rejects. */
  readonly ended: Promise<SessionEnd>
  readonly #tools: SessionTools
  readonly #request: SessionRequest
  readonly #durable: DurableSession
  readonly #watch: StageWatch
  readonly #uploads: UploadDesk
  readonly #cancelled = new AbortController()
  readonly #uploadsClosing = new AbortController()
  #accumulator: Accumulator | null = null
  /** By what has failed: an end that could not be kept is not given up for a stage that could not be. */
  readonly #retries = new Map<string, NodeJS.Timeout>()
  #isSuspended = false
  #settle: (end: SessionEnd) => void = () => undefined

  constructor(tools: SessionTools, request: SessionRequest) {
    const { setup, recorded, journal, stageDeadlineMs } = request
    const { attendance, nowMs, bundle, drill, log } = tools
    const { round, sessionId } = setup.context
    this.sessionId = encodeHex(sessionId)
    this.#tools = tools
    this.#request = request
    this.#watch = new StageWatch(attendance, nowMs)
    const recordBlocks: SessionJournal['recordBlocks'] = async (...blocks) => {
      await journal.recordBlocks(...blocks)
      await drill.reach('hold-mid-upload', round)
    }
    this.#uploads = new UploadDesk({
      folder: tools.spoolFolder,
      sessionId: this.sessionId,
      layout: vectorLayout(request.encoding),
      journal: { recordBlocks, forgetBlocks: journal.forgetBlocks },
    })
    this.#durable = new DurableSession({
      session: recorded.session,
      stage: recorded.stage,
      stageDeadlineMs,
      journal,
      environment: () => ({ nowMs: nowMs(), bundle: bundle() }),
      drill,
      onFault: (error) => log.error({ session: this.sessionId, error }, 'a stage could not be closed'),
      onChange: (change) => this.#changed(change),
    })
    this.ended = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  /** Aborted when no masked input can count any more: uploads under way end. */
  get uploadsClosed(): AbortSignal {
    return this.#uploadsClosing.signal
  }

  get #session(): CoordinatorSession {
    return this.#durable.state
  }

  /** The stage of the session, or how it ended. */
  get stage(): CoordinatorSession['stage'] {
    return this.#session.stage
  }

  /** Tells everybody expected where the session stands, and goes on from there. */
  async start(): Promise<void> {
    const { session, blocks, sum } = this.#request.recorded
    if ('contributions' in session) {
      const { contributions } = session
      const left = [...blocks].filter(([index]) => !contributions.has(index))
      if (session.stage === 'mask-input') await this.#uploads.restore(new Map(left))
      if (sum !== null) this.#accumulator = this.#newAccumulator()
      for (const index of notInSum(this.#request.recorded)) this.#fold(session, index, this.#uploads.pathOf(index))
      // Nobody is asked to reveal for a sum that there will not be; that there will be none ends the session.
      if (session.stage === 'reveal-shares' && (await this.#hasFailed())) return
    }
    this.#enterStage()
  }

  /** Takes a message from the SPIFFE ID of a connection. @throws StorageFailure: it may come again. */
  deliver(from: string, message: ReceivedMessage): Promise<MessageOutcome> {
    return this.#durable.receive(from, message)
  }

  /** How much of a participant's masked input is here. */
  uploadProgress(from: string): { readonly acknowledgedBytes: number; readonly complete: boolean } {
    refuseIf(!this.#request.setup.expected.has(from), 'unknown_participant', `${from} is not in this session`)
    const complete = this.#hasContributed(from)
    const { packedBytes } = vectorLayout(this.#request.encoding)
    const index = this.#indexOf(from)
    const acknowledged = index === null ? 0 : this.#uploads.acknowledgedBytes(index)
    return { acknowledgedBytes: complete ? packedBytes : acknowledged, complete }
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
    if (index === null || !isIn(session.shared, index)) refuse('not_in_shared_set', `${from} is not in U2`)
    const isOut = session.withdrawn.has(from) || session.named.has(from)
    refuseIf(isOut, 'late', `${from} has left this session`)
    const spool = this.#uploads.spoolOf(index)
    return { spool, stream: spool.takeOver() }
  }

  /** Counts the uploaded masked input, or throws away what was sent when it does not fit its receipt. */
  async finishUpload(
    from: string,
    place: UploadPlace,
    receipt: { readonly digest: Uint8Array; readonly signature: Uint8Array },
  ): Promise<MessageOutcome> {
    const judge = async (receivedDigest: Uint8Array) => {
      await this.#tools.drill.reach('hold-before-contribution', this.#request.setup.context.round)
      return this.deliver(from, { kind: 'contribution', ...receipt, receivedDigest })
    }
    if (place === null) return judge(receipt.digest)
    try {
      return await place.spool.finish(place.stream, judge)
    } catch (error) {
      const isLate = error instanceof ProtocolError && error.code === 'late'
      if (!isLate || !this.#hasContributed(from)) throw error
      // Another stream of the same participant was faster: this receipt can only repeat the one that counts, or differ from it.
      return judge(receipt.digest)
    }
  }

  /** Ends the session without a sum. Does nothing once it has ended. */
  abort(reason: AbortReason, detail: string): void {
    this.#cancelled.abort(new Error(detail))
    this.#durable.abort(reason, detail).catch((error: unknown) => {
      this.#tryLater('the session could not be aborted', error, () => this.abort(reason, detail))
    })
  }

  /** Stops where it is, durably, for the coordinator is stopping: `ended` settles, unless it has. */
  async suspend(): Promise<void> {
    if (this.#isSuspended) return
    this.#isSuspended = true
    const reason = new CoordinatorStopping()
    this.#retryNothing()
    this.#watch.end()
    this.#uploadsClosing.abort(reason)
    this.#cancelled.abort(reason)
    await this.#durable.suspend(reason)
    await this.#uploads.close()
    await this.#accumulator?.wipe()
    this.#settle({ kind: 'suspended' })
  }

  /** Deletes the files of a session whose end is durable. */
  async clear(): Promise<void> {
    await this.#uploads.discardAll().catch((error: unknown) => this.#undeleted(error))
    await this.#accumulator?.discard().catch((error: unknown) => this.#undeleted(error))
    this.#accumulator = null
    await clearSpoolOf(this.#tools.spoolFolder, this.sessionId).catch((error: unknown) => this.#undeleted(error))
  }

  #undeleted(error: unknown): void {
    this.#tools.log.error({ session: this.sessionId, error }, 'files of an ended session could not be deleted')
  }

  #tryLater(what: string, error: unknown, again: () => void): void {
    if (this.#isSuspended) return
    this.#tools.log.error({ session: this.sessionId, error }, `${what}; it is tried again`)
    clearTimeout(this.#retries.get(what))
    this.#retries.set(what, setTimeout(again, RETRY_MS))
  }

  #retryNothing(): void {
    for (const timer of this.#retries.values()) clearTimeout(timer)
  }

  #changed({ before, after, from, message, outcome, effects }: Change): void {
    if (outcome?.kind === 'rejected') {
      const { code } = outcome
      this.#tools.log.info({ session: this.sessionId, from, message: message?.kind, code }, 'message rejected')
    }
    if (this.#isSuspended || after === before) return
    if (message?.kind === 'withdraw' && from !== null) this.#request.onWithdrawn?.(from, message)
    for (const { index } of effects) this.#fold(after, index, this.#uploads.take(index))
    if (after.stage !== before.stage) {
      // Changes that were committed together may have passed this stage already.
      if (after.stage === this.stage) this.#enterStage()
      return
    }
    const isStandingChanged = after.withdrawn !== before.withdrawn || after.named !== before.named
    if (from !== null && isStandingChanged) this.#tell(from)
    if (isLive(after) && after.stage === this.stage) this.#request.onProgress(stageCount(after))
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
      const { detail, named } = session
      const reason = detail === SUM_FAILED ? 'coordinator_fault' : session.reason
      void this.#end({ kind: 'aborted', reason, detail, named: [...named] })
    } else {
      this.#request.onProgress(stageCount(session))
      this.#watchStage(session.stage)
    }
  }

  #watchStage(stage: LiveSession['stage']): void {
    if (this.#isSuspended || this.stage !== stage) return
    this.#watch.begin({
      awaited: () => awaited(this.#session),
      ...this.#durable.stage,
      joinGraceMs: this.#request.joinGraceMs,
      onClose: () => {
        this.#closeStage(stage).catch((error: unknown) => {
          this.#tryLater('the end of a stage could not be kept', error, () => this.#watchStage(stage))
        })
      },
    })
  }

  async #closeStage(stage: LiveSession['stage']): Promise<void> {
    // Safety: what is revealed cannot be taken back, so every masked input is in the sum before.
    if (stage === 'attest-survivors' && (await this.#hasFailed())) return
    await this.#durable.close(stage)
  }

  #fold(session: CoordinatorSession, index: number, path: Promise<string> | string): void {
    const receipt = 'contributions' in session ? session.contributions.get(index) : undefined
    if (receipt === undefined) throw new InvariantError(`index ${index} has no masked input`)
    if (typeof path !== 'string') path.catch(() => undefined)
    this.#accumulator ??= this.#newAccumulator()
    this.#accumulator.fold(index, path, receipt.digest)
  }

  /** True when there will be no sum; asked once all masked inputs that count so far have been added. */
  async #hasFailed(): Promise<boolean> {
    return (await (this.#accumulator?.settled() ?? null)) !== null
  }

  /** There will be no sum, through a fault of ours: nobody is named, and as long as nobody has revealed, nobody does. */
  #sumFailed(error: unknown): void {
    if (this.#isSuspended || !isLive(this.#session)) return
    this.#tools.log.error({ session: this.sessionId, error }, 'a masked input could not be added up')
    this.abort('cancelled', SUM_FAILED)
  }

  #newAccumulator(): Accumulator {
    const { encoding, recorded, journal, setup } = this.#request
    const { spoolFolder, checkpointBytes, drill } = this.#tools
    return new Accumulator({
      layout: vectorLayout(encoding),
      folder: spoolFolder,
      prefix: `${this.sessionId}-sum`,
      checkpointBytes,
      sum: recorded.sum,
      recordSum: (sum) => journal.recordSum(sum),
      reach: (point) => drill.reach(point, setup.context.round),
      onFailure: (error) => this.#sumFailed(error),
    })
  }

  async #unmask(session: Completed): Promise<void> {
    const { encoding } = this.#request
    const named = [...session.named]
    const survivors = session.survivors.length
    try {
      if (this.#accumulator === null) throw new InvariantError('a completed session has masked inputs')
      const lanes = await this.#accumulator.unmask(this.#tools.engine, session.masks, this.#cancelled.signal)
      await this.#tools.drill.reach('hold-mid-unmask', session.setup.context.round)
      const sum = decodeSum(lanes, encoding, survivors)
      const flaw = implausibleSum(sum, encoding, survivors)
      await this.#end(
        flaw === null
          ? { kind: 'completed', session, sum }
          : { kind: 'aborted', reason: 'implausible_sum', detail: `${flaw.code}: ${flaw.message}`, named },
      )
    } catch (error) {
      if (this.#isSuspended) return
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
    this.#retryNothing()
    await this.#accumulator?.wipe()
    this.#settle(end)
  }

  #hasContributed(from: string): boolean {
    const session = this.#session
    if (!('contributions' in session)) return false
    const index = indexOf(session.roster, from)
    return index !== null && session.contributions.has(index)
  }

  #indexOf(from: string): number | null {
    return 'roster' in this.#session ? indexOf(this.#session.roster, from) : null
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
