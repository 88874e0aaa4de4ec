/**
 * A participant as an instruction meets it: decoded as the generated client does, read as the agent does, obeyed by the
 * core, and every effect carried out. What leaves is collected, not sent. Only the network and the disk are missing.
 */
import type { JournalFact } from '../../participant/protocol/journal.ts'
import { advertiseKeys, answerAfterRestart, leave, maskedInputReady, obey } from '../../participant/protocol/session.ts'
import type { ParticipantSession, Stepped } from '../../participant/protocol/session-state.ts'
import { equalBytes } from '../../shared/crypto/digest.ts'
import type { Instruction, ParticipantMessage } from '../../shared/protocol/messages.ts'
import { ProtocolError } from '../../shared/protocol/refusal.ts'
import { instructionFromWire } from '../../shared/wire/from-wire.ts'
import { Instruction as WireInstruction } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { replyFlaw } from '../../shared/wire/reply-limits.ts'
import { environmentOf, type Federation, type Site, setupOf } from '../protocol/federation.ts'
import { MemoryJournal } from '../protocol/memory-journal.ts'
import { Finding } from './finding.ts'

export interface Participant {
  readonly federation: Federation
  readonly site: Site
  /** Wiped by a refusal: the caller's copy. */
  readonly session: ParticipantSession | null
  readonly facts: readonly JournalFact[]
}

export interface Heard {
  /** The code with which the instruction, or the session, was refused; `null` when it was followed. */
  readonly code: string | null
  /** What the core was told, where the instruction got so far. */
  readonly instruction: Instruction | null
  readonly left: readonly ParticipantMessage[]
  readonly recorded: readonly JournalFact[]
  readonly session: ParticipantSession | null
  /** Whom the agent took the instruction for: its present session, one it has not been in, or one it no longer lives. */
  readonly hearer: 'present' | 'new' | 'old' | 'nobody'
}

/** Tells a participant some bytes. Finding: anything thrown that is no refusal. */
export function hear(participant: Participant, bytes: Uint8Array): Heard {
  const nothing = nothingOf(participant)
  if (replyFlaw('attend', bytes) !== null) return { ...nothing, code: 'malformed' }
  let wire: WireInstruction
  try {
    wire = WireInstruction.decode(Buffer.from(bytes))
    // What the agent does to notice a repetition.
    WireInstruction.encode(wire).finish()
  } catch (cause) {
    throw new Finding('an instruction that the walk let through cannot be decoded', { cause })
  }
  try {
    return follow(participant, wire)
  } catch (cause) {
    if (cause instanceof Finding) throw cause
    throw new Finding('something was thrown that is no refusal', { cause })
  }
}

/** What the agent does with a decoded instruction: see Agent.#follow. */
function follow(participant: Participant, wire: WireInstruction): Heard {
  const { session, federation } = participant
  const { step, sessionId } = wire
  const nothing = nothingOf(participant)
  const isLive = session !== null && session.stage !== 'ended'
  if (step?.$case === 'idle' || step?.$case === 'prepare') return ended(participant, 'the coordinator has moved on')
  let instruction: Instruction | null
  try {
    instruction = instructionFromWire(step)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return { ...ended(participant, 'the coordinator sent what is not of this protocol'), code: error.code }
  }
  if (instruction === null || sessionId.length !== 16) return { ...nothing, code: 'malformed' }
  const journal = journalOf(participant)
  const own = federation.context.sessionId
  if (isLive && equalBytes(own, sessionId)) {
    return carryOut(participant, { instruction, hearer: 'present' }, (environment) =>
      obey(session, instruction, environment),
    )
  }
  const isNew = instruction.kind === 'advertise-keys' && !journal.knowsSession(sessionId)
  // The digests of the work at hand: another model, plan, run or round is not what this participant trained for.
  if (isNew && step?.$case === 'advertiseKeys') {
    const { runId, round, planDigest, modelDigest } = federation.context
    const isAtHand =
      wire.runId === runId &&
      wire.round === round &&
      step.value.version === 0 &&
      equalBytes(step.value.planDigest, planDigest) &&
      equalBytes(step.value.modelDigest, modelDigest)
    if (!isAtHand) return { ...nothing, code: 'not_ready' }
    // What it was in is over first.
    if (isLive) ended(participant, 'the coordinator has moved on')
    const context = { ...federation.context, sessionId: new Uint8Array(sessionId) }
    const setup = setupOf(federation, participant.site, context)
    return carryOut(participant, { instruction, hearer: 'new' }, (environment) => advertiseKeys(setup, environment))
  }
  const answered = carryOut(participant, { instruction, hearer: 'old' }, () =>
    answerAfterRestart(journal, new Uint8Array(sessionId), instruction),
  )
  return isLive ? { ...answered, session } : answered
}

function ended(participant: Participant, why: string): Heard {
  const { session } = participant
  if (session === null) return nothingOf(participant)
  return { ...carryOut(participant, { instruction: null, hearer: 'present' }, () => leave(session, why)), code: null }
}

function nothingOf({ session }: Participant): Heard {
  return { code: null, left: [], recorded: [], session, instruction: null, hearer: 'nobody' }
}

function journalOf({ facts }: Participant): MemoryJournal {
  const journal = new MemoryJournal()
  for (const fact of facts) journal.record(fact)
  return journal
}

function carryOut(
  participant: Participant,
  { instruction, hearer }: Pick<Heard, 'instruction' | 'hearer'>,
  step: (environment: ReturnType<typeof environmentOf>) => Stepped,
): Heard {
  const { federation, site } = participant
  const environment = { ...environmentOf(federation, site), journal: journalOf(participant) }
  const left: ParticipantMessage[] = []
  const recorded: JournalFact[] = []
  let code: string | null = null
  const perform = (stepped: Stepped): ParticipantSession => {
    let { session } = stepped
    for (const effect of stepped.effects) {
      if (effect.kind === 'record') recorded.push(effect.fact)
      else if (effect.kind === 'send') left.push(effect.message)
      else if (effect.kind === 'mask') session = perform(maskedInputReady(session, new Uint8Array(32).fill(9)))
      else if (effect.kind === 'upload') left.push({ kind: 'contribution', ...effect.contribution })
      else code = effect.code
    }
    return session
  }
  const session = perform(step(environment))
  const goodbye = left.find((message) => message.kind === 'withdraw')
  return { code: code ?? goodbye?.code ?? null, instruction, left, recorded, session, hearer }
}
