/**
 * The coordinator of one simulated session: the real core, fed with bytes. Masked inputs are hashed as they come and folded
 * into the one accumulator at once; nothing else of them is kept. Everything is booked by stage and participant.
 */
import { instructionFor } from '../coordinator/protocol/instructions.ts'
import { closeStage, isLive, openSession, type ReceivedMessage, receive } from '../coordinator/protocol/session.ts'
import type { CoordinatorSession } from '../coordinator/protocol/session-state.ts'
import { equalBytes } from '../shared/crypto/digest.ts'
import { invariant } from '../shared/errors.ts'
import type { TrustBundle } from '../shared/identity/trust-bundle.ts'
import { cpuMaskEngine } from '../shared/masks/cpu-engine.ts'
import { unpackAdd } from '../shared/masks/unpack-add.ts'
import { contextDigest } from '../shared/protocol/context.ts'
import type { MessageOutcome } from '../shared/protocol/messages.ts'
import { ProtocolError, refuse, refuseIf } from '../shared/protocol/refusal.ts'
import { type Lanes, type VectorLayout, vectorLayout, zeroLanes } from '../shared/vector/encoding.ts'
import { PackedReader, refusePacked } from '../shared/vector/packing.ts'
import { UploadDigest } from '../shared/vector/upload-digest.ts'
import { contributionFromWire } from '../shared/wire/from-wire.ts'
import { AFTER_LAST_STAGE, type Ledger, threadMs } from './measure.ts'
import { contextOf, encodingOf, idAtPlace, nowOf, type SimulationPlan } from './plan.ts'
import { instructionBytes, type Method, readMessage, readUploadPart, type SessionName } from './wire-bytes.ts'

const STAGES = ['advertise-keys', 'share-keys', 'mask-input', 'attest-survivors', 'reveal-shares']

export interface SimulatedSession {
  readonly plan: SimulationPlan
  readonly round: number
  readonly sessionId: Uint8Array
  readonly bundle: TrustBundle
  readonly ledger: Ledger
}

export class SimulatedCoordinator {
  readonly #of: SimulatedSession
  readonly #name: SessionName
  readonly #layout: VectorLayout
  readonly #accumulator: Lanes
  #session: CoordinatorSession

  constructor(of: SimulatedSession) {
    const { plan, round, sessionId } = of
    this.#of = of
    this.#name = { runId: 'simulation', round, sessionId }
    this.#layout = vectorLayout(encodingOf(plan))
    this.#accumulator = zeroLanes(this.#layout.lengthLanes, this.#layout.modulusBits)
    const context = contextOf(plan, round, sessionId)
    const enrolled = Array.from({ length: plan.participants }, (_, place) => idAtPlace(place))
    const asked = { enrolled, expected: new Set(enrolled), targetCohort: enrolled.length }
    this.#session = openSession({ ...asked, context, contextDigest: contextDigest(context) })
  }

  get session(): CoordinatorSession {
    return this.#session
  }

  /** The stage's number, 0 to 4; what comes afterwards is 5. */
  get step(): number {
    const stage = STAGES.indexOf(this.#session.stage)
    return stage === -1 ? AFTER_LAST_STAGE : stage
  }

  /** Where the session stands for one participant, as bytes; null when it is no part of it. */
  instruct(place: number): { readonly bytes: Uint8Array; readonly isOver: boolean } | null {
    const [before, step] = [threadMs(), this.step]
    const instruction = instructionFor(this.#session, idAtPlace(place))
    if (instruction === null) return null
    const bytes = instructionBytes(instruction, this.#name)
    this.#of.ledger.add('instructMs', step, place, threadMs() - before)
    this.#of.ledger.add('downBytes', step, place, bytes.length)
    return { bytes, isOver: instruction.kind === 'session-over' }
  }

  receive(place: number, method: Method, bytes: Uint8Array): MessageOutcome {
    return this.#booked(place, bytes.length, () => this.#deliver(place, readMessage(method, bytes)))
  }

  /** Takes a whole upload: header, chunks, receipt. */
  receiveUpload(place: number, parts: readonly Uint8Array[]): MessageOutcome {
    const length = parts.reduce((total, part) => total + part.length, 0)
    return this.#booked(place, length, () => this.#deliverUpload(place, parts))
  }

  close(): void {
    const [before, step] = [threadMs(), this.step]
    invariant(isLive(this.#session), 'only a live session closes a stage')
    this.#session = closeStage(this.#session)
    this.#of.ledger.addClosing(step, threadMs() - before)
  }

  /** Takes the masks off: the sum, its low bits. */
  async unmask(): Promise<Lanes> {
    const session = this.#session
    invariant(session.stage === 'completed', 'only a completed session has a sum')
    const before = threadMs()
    // On this thread alone, whose processor time is counted.
    await cpuMaskEngine({ threads: 'none' }).accumulate(this.#accumulator, session.masks)
    this.#of.ledger.addClosing(AFTER_LAST_STAGE, threadMs() - before)
    return this.#accumulator
  }

  #deliver(place: number, message: ReceivedMessage): MessageOutcome {
    const environment = { nowMs: nowOf(this.#of.round), bundle: this.#of.bundle }
    const received = receive(this.#session, idAtPlace(place), message, environment)
    this.#session = received.session
    return received.outcome
  }

  /** As upload.ts, session-runner.ts and upload-spool.ts do it, with the chunks in memory instead of a file. */
  #deliverUpload(place: number, parts: readonly Uint8Array[]): MessageOutcome {
    const { lengthLanes, modulusBits, packedBytes } = this.#layout
    const [first, ...rest] = parts.map(readUploadPart)
    if (first?.$case !== 'header') return refuse('malformed', 'an upload begins with its header')
    refuseIf(!equalBytes(first.value.sessionId, this.#name.sessionId), 'wrong_session', 'an upload for another session')
    const { totalBytes } = first.value
    refuseIf(totalBytes !== packedBytes, 'wrong_length', `a masked input is ${packedBytes} bytes, not ${totalBytes}`)
    const digest = new UploadDigest()
    const chunks = rest.flatMap((part) => (part?.$case === 'chunk' ? [part.value] : []))
    for (const chunk of chunks) digest.update(chunk)
    const last = rest.at(-1)
    if (last?.$case !== 'contribution') return refuse('malformed', 'an upload ends with its receipt')
    const lengthBytes = chunks.reduce((total, chunk) => total + chunk.length, 0)
    const flaw = refusePacked({ lengthBytes, lastByte: chunks.at(-1)?.at(-1) ?? 0, lengthLanes, modulusBits })
    refuseIf(
      flaw !== null,
      flaw?.code === 'packed_padding_not_zero' ? 'malformed' : 'wrong_length',
      flaw?.message ?? '',
    )
    const receipt = contributionFromWire(last.value)
    const outcome = this.#deliver(place, { kind: 'contribution', ...receipt, receivedDigest: digest.final() })
    if (outcome.kind !== 'accepted' || outcome.repeated) return outcome
    const reader = new PackedReader({ accumulator: this.#accumulator, modulusBits, addLanes: unpackAdd })
    for (const chunk of chunks) reader.push(chunk)
    invariant(reader.finish() === null, 'only checked masked inputs are folded')
    return outcome
  }

  #booked(place: number, length: number, work: () => MessageOutcome): MessageOutcome {
    const [before, step] = [threadMs(), this.step]
    this.#of.ledger.add('upBytes', step, place, length)
    try {
      return work()
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      return { kind: 'rejected', code: error.code, message: error.message }
    } finally {
      this.#of.ledger.add('receiveMs', step, place, threadMs() - before)
    }
  }
}
