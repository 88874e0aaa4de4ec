/**
 * One simulated participant: the real core with every check on, its own keys, certificate and journal. It reads instructions
 * from bytes, carries out what the core asks for, and measures the processor time of all that a real one would do.
 */
import { makeMaskedInput } from '../participant/masked-input.ts'
import { advertiseKeys, maskedInputReady, obey, uploadAcknowledged } from '../participant/protocol/session.ts'
import type {
  ParticipantEffect,
  ParticipantEnvironment,
  ParticipantSession,
  ParticipantSetup,
  Stepped,
} from '../participant/protocol/session-state.ts'
import type { TrainedUpdate } from '../participant/trainer.ts'
import { invariant, unreachable } from '../shared/errors.ts'
import type { TrustBundle } from '../shared/identity/trust-bundle.ts'
import { cpuMaskEngine } from '../shared/masks/cpu-engine.ts'
import type { Instruction } from '../shared/protocol/messages.ts'
import { systemRng } from '../shared/random.ts'
import type { Lanes } from '../shared/vector/encoding.ts'
import { quantizeUpdate } from '../shared/vector/quantize.ts'
import type { Fate, Misbehaviour } from './fates.ts'
import type { Identical } from './identical.ts'
import type { CertifiedKey } from './identities.ts'
import type { KeptOnce } from './kept-once.ts'
import { threadMs } from './measure.ts'
import { MemoryJournal } from './memory-journal.ts'
import { misbehave, misbehaveUploading } from './misbehave.ts'
import { participantSetup } from './participant-setup.ts'
import { encodingOf, nowOf, type SimulationPlan } from './plan.ts'
import { trainedUpdate } from './trained-update.ts'
import { type Method, messageBytes, readInstruction, uploadBytes } from './wire-bytes.ts'

/** The thread a participant lives in. */
export interface Surroundings {
  readonly plan: SimulationPlan
  readonly bundle: TrustBundle
  readonly enrolled: readonly string[]
  readonly identical: Identical
  readonly keptOnce: KeptOnce
  readonly send: (place: number, method: Method, bytes: Uint8Array) => void
  /** Resolves with whether the coordinator counted it. */
  readonly upload: (place: number, parts: readonly Uint8Array[]) => Promise<boolean>
}

export interface Obeyed {
  readonly cpuMs: number
  readonly refusal: { readonly code: string; readonly message: string } | null
}

interface Round {
  readonly round: number
  readonly sessionId: Uint8Array
  readonly misbehaviour: Misbehaviour | null
}

export class SimulatedParticipant {
  readonly #place: number
  readonly #key: CertifiedKey
  readonly #in: Surroundings
  readonly #journal = new MemoryJournal()
  #round: Round | null = null
  #session: ParticipantSession | null = null
  /** Kept so that the plaintext can be made again after the session. */
  #roundingSeed: Uint8Array | null = null
  #packed: Uint8Array = new Uint8Array(0)
  #cpuMs = 0
  #refusal: Obeyed['refusal'] = null

  constructor(place: number, key: CertifiedKey, surroundings: Surroundings) {
    this.#place = place
    this.#key = key
    this.#in = surroundings
  }

  /** Forgets the last session; the journal stays. */
  beginRound(round: number, sessionId: Uint8Array, fate: Fate): void {
    this.#round = { round, sessionId, misbehaviour: fate.kind === 'corrupt' ? fate.misbehaviour : null }
    this.#session = null
    this.#roundingSeed = null
    this.#packed = new Uint8Array(0)
  }

  async obey(bytes: Uint8Array): Promise<Obeyed> {
    this.#cpuMs = 0
    this.#refusal = null
    const instruction = this.#measured(() => readInstruction(bytes, this.#in.identical.long))
    invariant(instruction !== null, 'the coordinator sends only steps of a session')
    await this.#perform(this.#step(instruction))
    return { cpuMs: this.#cpuMs, refusal: this.#refusal }
  }

  /** The lanes that went into the masked input. */
  plaintext(): Lanes {
    invariant(this.#roundingSeed !== null, 'a survivor has masked its input')
    const { update, examples, scalars } = this.#trained()
    const encoding = encodingOf(this.#in.plan)
    const made = quantizeUpdate({ update, weight: examples, scalars, encoding, roundingSeed: this.#roundingSeed })
    invariant(made.ok, 'what was masked can be rounded')
    return made.lanes
  }

  #step(instruction: Instruction): Stepped {
    const session = this.#session
    if (session === null) {
      if (instruction.kind !== 'advertise-keys') return { session: this.#ended(), effects: [] }
      const trained = this.#trained()
      return this.#measured(() => advertiseKeys(this.#setup(trained), this.#environment()))
    }
    const stepped = this.#measured(() => obey(session, instruction, this.#environment()))
    return { ...stepped, session: this.#in.keptOnce.of(stepped.session) }
  }

  async #perform(stepped: Stepped): Promise<void> {
    this.#session = stepped.session
    for (const effect of stepped.effects) await this.#carryOut(effect, stepped.session)
  }

  async #carryOut(effect: ParticipantEffect, session: ParticipantSession): Promise<void> {
    const { sessionId, misbehaviour } = this.#now()
    switch (effect.kind) {
      case 'record':
        this.#journal.record(effect.fact)
        return
      case 'send': {
        invariant(effect.message.kind !== 'contribution', 'contributions are uploaded')
        const { message } = effect
        for (const one of misbehaviour === null ? [message] : misbehave(misbehaviour, message, session)) {
          const { method, bytes } = this.#measured(() => messageBytes(one, sessionId))
          this.#in.send(this.#place, method, bytes)
        }
        return
      }
      case 'mask':
        await this.#mask(effect.masks, session)
        return
      case 'upload': {
        const made = { packed: this.#packed, contribution: effect.contribution }
        const { packed, contribution } =
          misbehaviour === null ? made : misbehaveUploading(misbehaviour, made.packed, made.contribution)
        const parts = this.#measured(() => uploadBytes(packed, contribution, sessionId))
        this.#packed = new Uint8Array(0)
        const isCounted = await this.#in.upload(this.#place, parts)
        if (isCounted) this.#session = uploadAcknowledged(session)
        return
      }
      case 'over':
        if (!effect.completed) this.#refusal = { code: effect.code ?? 'over', message: effect.message }
        return
      default:
        unreachable(effect)
    }
  }

  async #mask(masks: Extract<ParticipantEffect, { kind: 'mask' }>['masks'], session: ParticipantSession) {
    const trained = this.#trained()
    const roundingSeed = systemRng(32)
    this.#roundingSeed = roundingSeed.slice()
    const before = threadMs()
    const encoding = encodingOf(this.#in.plan)
    const tools = { engine: ENGINE, rng: () => roundingSeed, signal: NEVER }
    const { bytes, digest } = await makeMaskedInput({ trained, encoding, masks, ...tools })
    const ready = maskedInputReady(session, digest)
    this.#cpuMs += threadMs() - before
    this.#packed = bytes
    await this.#perform(ready)
  }

  #setup(trained: TrainedUpdate): ParticipantSetup {
    const { plan, enrolled } = this.#in
    const { round, sessionId } = this.#now()
    return participantSetup({ plan, round, sessionId, key: this.#key, enrolled, trained })
  }

  #environment(): ParticipantEnvironment {
    const { bundle, identical } = this.#in
    return { nowMs: nowOf(this.#now().round), rng: systemRng, journal: this.#journal, bundle, once: identical.once }
  }

  #trained(): TrainedUpdate {
    return trainedUpdate(this.#in.plan, this.#now().round, this.#place)
  }

  #now(): Round {
    invariant(this.#round !== null, 'a round has begun')
    return this.#round
  }

  #ended(): ParticipantSession {
    return { stage: 'ended', sessionId: this.#now().sessionId }
  }

  #measured<T>(work: () => T): T {
    const before = threadMs()
    const result = work()
    this.#cpuMs += threadMs() - before + this.#in.identical.takeCharge()
    return result
  }
}

const NEVER = new AbortController().signal
/** On this thread alone, whose processor time is counted. */
const ENGINE = cpuMaskEngine({ threads: 'none' })
