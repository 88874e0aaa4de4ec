/**
 * Lives one session: hands the coordinator's instructions to the protocol core and performs what it answers, strictly in
 * order, a record durable before the next thing happens. Ends at the coordinator's word, at a refusal, at the deadline or
 * when the agent stops, with every secret overwritten. The core decides what is right; this file moves the bytes.
 */
import { encodeHex } from '../shared/crypto/digest.ts'
import { wipe } from '../shared/crypto/secrets.ts'
import { invariant, unreachable } from '../shared/errors.ts'
import type { TrustBundle } from '../shared/identity/trust-bundle.ts'
import type { MaskEngine } from '../shared/masks/mask-engine.ts'
import type { Instruction, ParticipantMessage } from '../shared/protocol/messages.ts'
import { ProtocolError } from '../shared/protocol/refusal.ts'
import type { Rng } from '../shared/random.ts'
import type { Log } from '../shared/runtime/log.ts'
import type { VectorEncoding } from '../shared/vector/encoding.ts'
import { CallRefused } from './calls.ts'
import type { Connection } from './connection.ts'
import { type Drill, pointAfterRecord } from './drill.ts'
import type { Journal } from './journal.ts'
import { beginMaskedInput, type GrowingInput } from './masked-input.ts'
import { reasonOf } from './not-ready.ts'
import { sendMessage, sendWithdraw } from './outbox.ts'
import { advertiseKeys, leave, maskedInputReady, obey, uploadAcknowledged } from './protocol/session.ts'
import type {
  Contribution,
  ParticipantEffect,
  ParticipantSession,
  ParticipantSetup,
  Stepped,
} from './protocol/session-state.ts'
import { storageAdvice, storageFailureOf } from './storage-failure.ts'
import type { TrainedUpdate } from './trainer.ts'
import { uploadMaskedInput } from './upload.ts'

export interface SessionTools {
  readonly connection: Connection
  readonly journal: Journal
  readonly engine: MaskEngine
  readonly rng: Rng
  readonly bundle: () => TrustBundle
  readonly drill: Drill
  /** The journal has it that this update is spent: no disk needs it any more. */
  readonly onSpent: () => void
  readonly log: Log
}

export interface SessionRequest {
  readonly setup: ParticipantSetup
  readonly encoding: VectorEncoding
  readonly trained: TrainedUpdate
  /** From now until this participant leaves whatever the coordinator says, milliseconds. */
  readonly deadlineMs: number
}

type Turn =
  | { readonly kind: 'obey'; readonly instruction: Instruction }
  | { readonly kind: 'leave'; readonly why: string }
/** An upload that has begun, and the door through which its receipt comes. */
interface Uploading {
  readonly giveReceipt: (contribution: Contribution) => void
  readonly done: Promise<void>
}
type Effect<K extends ParticipantEffect['kind']> = Extract<ParticipantEffect, { kind: K }>

/** One session's lifetime. It has begun when the constructor returns and is over when `over` resolves. */
export class SessionRunner {
  readonly sessionId: Uint8Array
  readonly over: Promise<void>
  readonly #request: SessionRequest
  readonly #tools: SessionTools
  readonly #log: Log
  readonly #round: number
  /** Aborted when the session ends: whatever is under way for it stops. */
  readonly #ending = new AbortController()
  readonly #deadline: NodeJS.Timeout
  #settle: () => void = () => {}
  #session: ParticipantSession | null = null
  #maskedInput: GrowingInput | null = null
  #uploading: Uploading | null = null
  /** What to do next; of instructions only the newest counts, an ending is never displaced. */
  #next: Turn | null = null

  constructor(request: SessionRequest, tools: SessionTools) {
    const { context } = request.setup
    this.sessionId = context.sessionId
    this.#request = request
    this.#tools = tools
    this.#round = context.round
    const session = encodeHex(context.sessionId)
    this.#log = tools.log.child({ run: context.runId, round: context.round, session })
    this.over = new Promise((resolve) => {
      this.#settle = resolve
    })
    this.#deadline = setTimeout(() => this.leave('the session passed its deadline'), request.deadlineMs)
    void this.#live()
  }

  /** Takes an instruction of this session. */
  tell(instruction: Instruction): void {
    if (instruction.kind === 'session-over') this.#end({ kind: 'obey', instruction })
    else if (!this.#ending.signal.aborted) this.#take({ kind: 'obey', instruction })
  }

  /** Leaves the session; resolves when it is over. */
  leave(why: string): Promise<void> {
    this.#end({ kind: 'leave', why })
    return this.over
  }

  #end(turn: Turn): void {
    if (this.#ending.signal.aborted) return
    this.#ending.abort(new Error('the session is ending'))
    this.#take(turn)
  }

  #wake: () => void = () => {}

  #take(turn: Turn): void {
    this.#next = turn
    this.#wake()
  }

  /** One turn after the other, until the core says that the session has ended. */
  async #live(): Promise<void> {
    try {
      await this.#carryOut(advertiseKeys(this.#request.setup, this.#environment()))
      while (this.#session?.stage !== 'ended') {
        const turn = await this.#turn()
        invariant(this.#session !== null, 'the session has begun')
        if (turn.kind === 'leave') await this.#carryOut(leave(this.#session, turn.why))
        else await this.#carryOut(obey(this.#session, turn.instruction, this.#environment()))
      }
    } catch (error) {
      this.#log.error({ error }, 'the session failed on this side')
      await this.#giveUp(error)
    } finally {
      clearTimeout(this.#deadline)
      this.#ending.abort(new Error('the session is over'))
      if (this.#maskedInput !== null) wipe(this.#maskedInput.bytes)
      this.#maskedInput = null
      this.#settle()
    }
  }

  async #turn(): Promise<Turn> {
    while (this.#next === null) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const turn = this.#next
    this.#next = null
    return turn
  }

  /**
   * Performs effects in order. What the ending interrupts, and what follows it, is left undone: the ending itself comes
   * next. After a refused message nothing more of this step is done; the coordinator's next word decides.
   */
  async #carryOut(stepped: Stepped): Promise<void> {
    this.#session = stepped.session
    const isEnded = stepped.session.stage === 'ended'
    try {
      for (const effect of stepped.effects) await this.#perform(effect)
    } catch (error) {
      if (error instanceof CallRefused) {
        const { code, message } = error
        this.#log.warn({ code }, `the coordinator refused what it asked for: ${message}`)
      } else if (isEnded || !this.#ending.signal.aborted) throw error
    } finally {
      for (const effect of stepped.effects) if (effect.kind === 'mask') wipe(...effect.masks.map(({ key }) => key))
    }
  }

  async #perform(effect: ParticipantEffect): Promise<void> {
    switch (effect.kind) {
      case 'record':
        this.#tools.journal.record(effect.fact, { replyUntilMs: Date.now() + this.#request.deadlineMs })
        await this.#tools.drill.reach(pointAfterRecord(effect.fact.kind), this.#round)
        // Crash here: the next start finds the update beside a journal that calls it spent, and erases it.
        if (effect.fact.kind === 'update-spent') this.#tools.onSpent()
        return
      case 'send':
        return this.#send(effect.message)
      case 'mask':
        return this.#mask(effect)
      case 'upload':
        return this.#upload(effect)
      case 'over': {
        const { completed, code, message } = effect
        if (code !== null) this.#log.warn({ code }, `refused: ${message}`)
        this.#log.info({ completed, code, reason: message }, 'session over')
        return
      }
      default:
        return unreachable(effect)
    }
  }

  async #send(message: ParticipantMessage): Promise<void> {
    const { connection, drill } = this.#tools
    if (message.kind === 'withdraw') return sendWithdraw(connection, this.sessionId, message)
    if (message.kind === 'attest-survivors') await drill.reach('hold-before-attest', this.#round)
    if (message.kind === 'reveal-shares') await drill.reach('hold-before-reveal', this.#round)
    await sendMessage(connection, this.sessionId, message, { signal: this.#ending.signal })
    const said = SAID[message.kind]
    if (said !== undefined) this.#log.info(said)
    if (message.kind === 'share-keys') await drill.reach('hold-after-share-keys', this.#round)
  }

  /** Makes the masked input and begins to upload it; the receipt follows when all of it is made. */
  async #mask({ masks }: Effect<'mask'>): Promise<void> {
    const { trained, encoding, setup } = this.#request
    const { updateDigest } = setup
    const { engine, rng } = this.#tools
    const { signal } = this.#ending
    const failed = new AbortController()
    const input = beginMaskedInput({ trained, updateDigest, encoding, masks, engine, rng, signal })
    input.digest.catch((error) => failed.abort(error))
    this.#maskedInput = input
    const receipt = Promise.withResolvers<Contribution>()
    const done = this.#beginUpload(input, receipt.promise, AbortSignal.any([signal, failed.signal]))
    // Looked at when the receipt is due: an upload that was refused before is refused then.
    done.catch(() => {})
    this.#uploading = { giveReceipt: receipt.resolve, done }
    try {
      await this.#carryOut(await this.#masked(input))
    } finally {
      // Whatever ended it ends the upload too.
      await done.catch(() => {})
    }
  }

  /** What follows once all of the input is made, or is found to be of another update. */
  async #masked(input: GrowingInput): Promise<Stepped> {
    const session = this.#session
    invariant(session !== null, 'masks belong to a session')
    try {
      return maskedInputReady(session, await input.digest)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      return leave(session, error.message, error.code)
    }
  }

  async #beginUpload(input: GrowingInput, contribution: Promise<Contribution>, signal: AbortSignal): Promise<void> {
    const { connection, drill } = this.#tools
    const { bytes, readyBytes } = input
    await readyBytes(0)
    await drill.reach('hold-before-upload', this.#round)
    const betweenChunks = () => drill.reach('hold-mid-upload', this.#round)
    const upload = { connection, sessionId: this.sessionId, bytes, readyBytes, contribution, betweenChunks }
    await uploadMaskedInput({ ...upload, log: this.#log, signal })
  }

  async #upload({ contribution }: Effect<'upload'>): Promise<void> {
    invariant(this.#uploading !== null && this.#session !== null, 'the masked input is made before it is uploaded')
    this.#uploading.giveReceipt(contribution)
    await this.#uploading.done
    this.#session = uploadAcknowledged(this.#session)
    this.#log.info({ bytes: this.#maskedInput?.bytes.length }, 'masked input uploaded')
  }

  /** Our own fault, such as a full disk: nothing more is said or recorded, everything secret goes. */
  async #giveUp(error: unknown): Promise<void> {
    if (this.#session !== null && this.#session.stage !== 'ended') {
      this.#session = leave(this.#session, 'failed on this side').session
    }
    const failure = storageFailureOf(error)
    if (failure !== null) this.#log.error({ code: failure.code }, storageAdvice(failure.code, 'the data folder'))
    const { code, message } = reasonOf(failure ?? error)
    await sendWithdraw(this.#tools.connection, this.sessionId, { code, message })
    this.#log.info({ completed: false, code }, 'session over')
  }

  #environment() {
    const { rng, journal, bundle } = this.#tools
    return { nowMs: Date.now(), rng, journal, bundle: bundle() }
  }
}

/** What the log says once a message is with the coordinator. */
const SAID: Partial<Record<ParticipantMessage['kind'], string>> = {
  'advertise-keys': 'keys advertised',
  'share-keys': 'keys shared',
  'attest-survivors': 'survivors attested',
  'reveal-shares': 'shares revealed',
}
