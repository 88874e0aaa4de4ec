/**
 * One session of the secure aggregation protocol, as the coordinator walks it (Bonawitz et al., CCS 2017, figure 4):
 *
 *   advertise-keys → share-keys → mask-input → attest-survivors → reveal-shares → completed
 *         └──────────────┴─────────────┴──────────────┴────────────────┴────────→ aborted
 *
 * Pure: messages and closings go in, the next state comes out. Whoever drives it decides when a stage closes (all who are
 * connected have answered, or the deadline passed), moves the bytes, and adds up the masked inputs.
 */
import { invariant, unreachable } from '../../shared/errors.ts'
import type { MessageOutcome, ParticipantMessage } from '../../shared/protocol/messages.ts'
import { ProtocolError, refuse, refuseIf } from '../../shared/protocol/refusal.ts'
import { answerAlreadyGiven } from './repeats.ts'
import type { SessionFact } from './session-facts.ts'
import {
  type Aborted,
  abort,
  type CoordinatorSession,
  idAt,
  indexOf,
  type LiveSession,
  type SessionSetup,
} from './session-state.ts'
import * as stage0 from './stage0-advertise-keys.ts'
import * as stage1 from './stage1-share-keys.ts'
import * as stage2 from './stage2-mask-input.ts'
import * as stage3 from './stage3-attest-survivors.ts'
import * as stage4 from './stage4-reveal-shares.ts'

/** A participant's message as the transport hands it in: a contribution with the digest of the bytes that arrived. */
export type ReceivedMessage =
  | Exclude<ParticipantMessage, { kind: 'contribution' }>
  | (Extract<ParticipantMessage, { kind: 'contribution' }> & { readonly receivedDigest: Uint8Array })

/** `fold`: the masked input of this roster index now counts and has to be added to the accumulator, once. */
export type SessionEffect = { readonly kind: 'fold'; readonly index: number }

export interface Received {
  readonly session: CoordinatorSession
  readonly outcome: MessageOutcome
  readonly effects: readonly SessionEffect[]
  /** What made `session` of the one before; `null` when it is the same. */
  readonly fact: SessionFact | null
}

/** Opens stage 0. */
export function openSession(setup: SessionSetup): CoordinatorSession {
  return stage0.open(setup)
}

/**
 * Takes one message from the SPIFFE ID of a connection. Never throws for a participant's fault: the outcome says what was
 * wrong, and the state is then unchanged (but for a name on the list of those caught).
 */
export function receive(
  session: CoordinatorSession,
  from: string,
  message: ReceivedMessage,
  environment: stage0.CoordinatorEnvironment,
): Received {
  try {
    return receiveOrThrow(session, from, message, environment)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return unchanged(session, { kind: 'rejected', code: error.code, message: error.message })
  }
}

/** Closes the present stage: what has arrived by now is all there is. */
export function closeStage(session: LiveSession): CoordinatorSession {
  switch (session.stage) {
    case 'advertise-keys':
      return stage0.close(session)
    case 'share-keys':
      return stage1.close(session)
    case 'mask-input':
      return stage2.close(session)
    case 'attest-survivors':
      return stage3.close(session)
    case 'reveal-shares':
      return stage4.close(session)
    default:
      return unreachable(session)
  }
}

/** Ends a live session from outside: cancelled by an operator, or its sum was refused. */
export function abortSession(session: LiveSession, reason: Aborted['reason'], detail: string): Aborted {
  return abort(session, reason, detail)
}

/**
 * The state after a fact. @throws InvariantError for one that cannot follow: facts are applied in the order in which they
 * came about, to the session that they came about in.
 */
export function applyFact(session: CoordinatorSession, fact: SessionFact): CoordinatorSession {
  invariant(isLive(session), `nothing changes a session that is ${session.stage}`)
  switch (fact.kind) {
    case 'advertised':
      invariant(session.stage === 'advertise-keys', MISPLACED)
      return answered(stage0.admit(session, fact.entry), fact.entry.spiffeId)
    case 'dealt':
      invariant(session.stage === 'share-keys', MISPLACED)
      return answered(stage1.takeDeal(session, fact.deal), idAt(session.roster, fact.deal.owner))
    case 'complained':
      invariant(session.stage === 'mask-input', MISPLACED)
      return stage2.takeComplaint(session, fact.complaint)
    case 'contributed':
      invariant(session.stage === 'mask-input', MISPLACED)
      return answered(stage2.takeContribution(session, fact.index, fact.receipt), idAt(session.roster, fact.index))
    case 'attested':
      invariant(session.stage === 'attest-survivors', MISPLACED)
      return answered(stage3.takeAttestation(session, fact.index, fact.signature), idAt(session.roster, fact.index))
    case 'revealed':
      invariant(session.stage === 'reveal-shares', MISPLACED)
      return answered(stage4.takeReveal(session, fact.index, fact.reveal), idAt(session.roster, fact.index))
    case 'caught':
      return answered({ ...session, named: session.named.add(fact.spiffeId) }, fact.spiffeId)
    case 'withdrawn':
      return answered({ ...session, withdrawn: session.withdrawn.add(fact.spiffeId) }, fact.spiffeId)
    case 'stage-closed':
      invariant(session.stage === fact.stage, MISPLACED)
      return closeStage(session)
    case 'aborted':
      return abortSession(session, fact.reason, fact.detail)
    default:
      return unreachable(fact)
  }
}

const MISPLACED = 'a fact belongs to the stage in which it came about'

/** True while messages can still change the outcome. */
export function isLive(session: CoordinatorSession): session is LiveSession {
  return session.stage !== 'completed' && session.stage !== 'aborted'
}

/** SPIFFE IDs whose answer the present stage is still waiting for. */
export function awaited(session: CoordinatorSession): Iterable<string> {
  if (!isLive(session)) return []
  const isFull = session.stage === 'advertise-keys' && session.entries.size >= session.setup.targetCohort
  return isFull ? [] : session.awaited
}

function receiveOrThrow(
  session: CoordinatorSession,
  from: string,
  message: ReceivedMessage,
  environment: stage0.CoordinatorEnvironment,
): Received {
  refuseIf(!session.setup.expected.has(from), 'unknown_participant', `${from} is not part of this session`)
  if (answerAlreadyGiven(session, from, message)) return unchanged(session, { kind: 'accepted', repeated: true })
  if (!isLive(session)) refuse('late', `the session is ${session.stage}`)
  if (message.kind === 'withdraw') return taken(session, { kind: 'withdrawn', spiffeId: from })
  refuseIf(session.withdrawn.has(from), 'late', `${from} has withdrawn from this session`)
  refuseIf(session.named.has(from), 'late', `${from} was caught breaking this session`)
  if (session.stage === 'advertise-keys') {
    if (message.kind !== 'advertise-keys') refuse('wrong_stage', `${message.kind} in stage advertise-keys`)
    const { entry } = message
    stage0.checkEntry(session, from, entry, environment)
    return taken(session, { kind: 'advertised', entry })
  }
  const sender = indexOf(session.roster, from)
  if (sender === null) refuse('late', `${from} is not in the roster of this session`)
  switch (session.stage) {
    case 'share-keys':
      if (message.kind === 'share-keys') {
        const { deal } = message
        stage1.checkDeal(session, sender, deal)
        return taken(session, { kind: 'dealt', deal })
      }
      break
    case 'mask-input':
      if (message.kind === 'no-share') {
        const { owner, ciphertextDigest, signature } = message
        const complaint = { owner, holder: sender, ciphertextDigest, signature }
        stage2.checkComplaint(session, complaint)
        return taken(session, { kind: 'complained', complaint })
      }
      if (message.kind === 'contribution') {
        const { digest, signature } = message
        stage2.checkContribution(session, sender, message)
        const next = taken(session, { kind: 'contributed', index: sender, receipt: { digest, signature } })
        return { ...next, effects: [{ kind: 'fold', index: sender }] }
      }
      break
    case 'attest-survivors':
      if (message.kind === 'attest-survivors') {
        const { signature } = message
        stage3.checkAttestation(session, sender, signature)
        return taken(session, { kind: 'attested', index: sender, signature })
      }
      break
    case 'reveal-shares':
      if (message.kind === 'reveal-shares') {
        const reveal = message.shares
        const flaw = stage4.checkReveal(session, sender, reveal)
        if (flaw === null) return taken(session, { kind: 'revealed', index: sender, reveal })
        const outcome = { kind: 'rejected', code: 'share_off_commitment', message: flaw } as const
        return { ...taken(session, { kind: 'caught', spiffeId: from }), outcome }
      }
      break
    default:
      return unreachable(session)
  }
  return refuse(
    isEarlier(message.kind, session.stage) ? 'late' : 'wrong_stage',
    `${message.kind} in stage ${session.stage}`,
  )
}

function taken(session: LiveSession, fact: SessionFact): Received {
  return { session: applyFact(session, fact), outcome: { kind: 'accepted', repeated: false }, effects: [], fact }
}

function unchanged(session: CoordinatorSession, outcome: MessageOutcome): Received {
  return { session, outcome, effects: [], fact: null }
}

/** The stage waits for `from` no longer. */
function answered<Session extends LiveSession>(session: Session, from: string): Session {
  return { ...session, awaited: session.awaited.remove(from) }
}

const ORDER = [
  'advertise-keys',
  'share-keys',
  'no-share',
  'mask-input',
  'contribution',
  'attest-survivors',
  'reveal-shares',
]

function isEarlier(kind: string, stage: string): boolean {
  return ORDER.indexOf(kind) < ORDER.indexOf(stage)
}
