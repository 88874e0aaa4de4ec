/**
 * One session of the secure aggregation protocol, as a participant lives it (Bonawitz et al., CCS 2017, figure 4):
 *
 *   advertiseKeys → shareKeys → maskInput → attestSurvivors → revealShares → over
 *
 * The coordinator is the adversary. Every instruction is checked against plan, local policy, its own trust bundle and what
 * this session has already accepted; the first that fails ends the session. An instruction heard before gets the bytes it
 * got before. Pure: effects are data, in the order in which they must happen.
 */
import { equalBytes } from '../../shared/crypto/digest.ts'
import { invariant, unreachable } from '../../shared/errors.ts'
import type { Instruction } from '../../shared/protocol/messages.ts'
import { ProtocolError, refuse, refuseIf } from '../../shared/protocol/refusal.ts'
import type { RefusalCode } from '../../shared/protocol/refusal-codes.ts'
import { rosterDigest } from '../../shared/protocol/roster.ts'
import type { JournalView } from './journal.ts'
import {
  type LiveParticipantSession,
  type ParticipantEnvironment,
  type ParticipantSession,
  type ParticipantSetup,
  type Stepped,
  wipeSession,
} from './session-state.ts'
import * as stage0 from './stage0-advertise-keys.ts'
import * as stage1 from './stage1-share-keys.ts'
import * as stage2 from './stage2-mask-input.ts'
import * as stage3 from './stage3-attest-survivors.ts'
import * as stage4 from './stage4-reveal-shares.ts'

/** Enters a session, or refuses to: the outcome is then an ended session and its reason. */
export function advertiseKeys(setup: ParticipantSetup, environment: ParticipantEnvironment): Stepped {
  try {
    return stage0.advertiseKeys(setup, environment)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return refusedBeforeEntering(setup.context.sessionId, error)
  }
}

/** Takes one instruction. Never throws for the coordinator's fault: it ends the session, and nothing has left. */
export function obey(
  session: ParticipantSession,
  instruction: Instruction,
  environment: ParticipantEnvironment,
): Stepped {
  if (session.stage === 'ended') return { session, effects: [] }
  try {
    return obeyOrThrow(session, instruction, environment)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return end(session, error.code, error.message)
  }
}

/** Tells the core the digest of the packed masked input; the receipt and the upload follow. */
export function maskedInputReady(session: ParticipantSession, digest: Uint8Array): Stepped {
  if (session.stage === 'ended') return { session, effects: [] }
  invariant(session.stage === 'masked', 'masked input only in stage 2')
  return stage2.maskedInputReady(session, digest)
}

/** Tells the core that the coordinator has acknowledged every byte and the receipt. */
export function uploadAcknowledged(session: ParticipantSession): ParticipantSession {
  if (session.stage !== 'masked') return session
  invariant(session.contribution !== null, 'nothing is acknowledged before the masked input is ready')
  return { ...session, acknowledged: true }
}

/** Ends the session from inside the agent: deadline, another session, shutdown, or what it refuses of itself. Secrets are wiped. */
export function leave(session: ParticipantSession, message: string, code: RefusalCode | null = null): Stepped {
  return session.stage === 'ended' ? { session, effects: [] } : end(session, code, message)
}

/**
 * What an agent that restarted may still do in a session it was in: repeat a recorded reply to the same request. Anything
 * else is refused; the agent is a dropout.
 */
export function answerAfterRestart(journal: JournalView, sessionId: Uint8Array, instruction: Instruction): Stepped {
  const session = { stage: 'ended', sessionId } as const
  if (instruction.kind === 'session-over') {
    return { session, effects: [{ kind: 'record', fact: { kind: 'session-closed', sessionId } }] }
  }
  const recorded = journal.replyOf(sessionId)
  const isSame =
    instruction.kind === 'reveal-shares' &&
    recorded !== null &&
    equalBytes(recorded.requestDigest, stage4.requestDigest(instruction.certificate))
  if (isSame && recorded !== null) {
    return { session, effects: [{ kind: 'send', message: { kind: 'reveal-shares', shares: recorded.reply } }] }
  }
  const code = 'session_known'
  const message = 'this agent restarted during the session and no longer holds its secrets'
  return { session, effects: [{ kind: 'send', message: { kind: 'withdraw', code, message } }] }
}

function obeyOrThrow(
  session: LiveParticipantSession,
  instruction: Instruction,
  environment: ParticipantEnvironment,
): Stepped {
  switch (instruction.kind) {
    case 'advertise-keys':
      refuseIf(session.stage !== 'advertised', 'wrong_stage', `asked to advertise keys after ${session.stage}`)
      return { session, effects: [{ kind: 'send', message: { kind: 'advertise-keys', entry: session.advertisement } }] }
    case 'share-keys': {
      if (session.stage === 'advertised') return stage1.shareKeys(session, instruction, environment)
      const again = rosterDigest(session.setup.contextDigest, instruction.lines)
      refuseIf(
        !equalBytes(again, session.digests.rosterDigest) || instruction.ownIndex !== session.ownIndex,
        'another_roster',
        'a second, different roster in one session',
      )
      return { session, effects: [{ kind: 'send', message: { kind: 'share-keys', deal: session.deal } }] }
    }
    case 'mask-input': {
      if (session.stage === 'advertised') refuse('wrong_stage', 'U2 before any roster')
      if (session.stage === 'shared') return stage2.maskInput(session, instruction, environment)
      refuseIf(
        !equalBytes(instruction.shared, session.shared),
        'another_shared_set',
        'a second, different U2 in one session',
      )
      const complaints = session.complaints.map((message) => ({ kind: 'send', message }) as const)
      const { contribution } = session
      if (contribution === null) return { session, effects: complaints }
      return { session, effects: [...complaints, { kind: 'upload', contribution }] }
    }
    case 'attest-survivors': {
      if (session.stage === 'masked') return stage3.attestSurvivors(session, instruction.survivors)
      refuseIf(
        session.stage === 'advertised' || session.stage === 'shared',
        'wrong_stage',
        'U3 before any masked input',
      )
      if (session.stage === 'advertised' || session.stage === 'shared') return unreachable(session as never)
      refuseIf(
        !equalBytes(instruction.survivors, session.survivors),
        'another_survivor_set',
        'a second, different U3 in one session',
      )
      return {
        session,
        effects: [{ kind: 'send', message: { kind: 'attest-survivors', signature: session.attestation } }],
      }
    }
    case 'reveal-shares': {
      if (session.stage === 'attested') return stage4.revealShares(session, instruction.certificate, environment)
      if (session.stage !== 'revealed') refuse('wrong_stage', 'shares asked for before the survivors were attested')
      refuseIf(
        !equalBytes(session.requestDigest, stage4.requestDigest(instruction.certificate)),
        'already_answered',
        'a second, different request for shares in one session',
      )
      return { session, effects: [{ kind: 'send', message: { kind: 'reveal-shares', shares: session.reply } }] }
    }
    case 'session-over': {
      wipeSession(session)
      const { sessionId } = session.setup.context
      return {
        session: { stage: 'ended', sessionId },
        effects: [
          { kind: 'record', fact: { kind: 'session-closed', sessionId } },
          { kind: 'over', completed: instruction.completed, code: null, message: instruction.reason },
        ],
      }
    }
    default:
      return unreachable(instruction)
  }
}

function end(session: LiveParticipantSession, code: RefusalCode | null, message: string): Stepped {
  wipeSession(session)
  const { sessionId } = session.setup.context
  return {
    session: { stage: 'ended', sessionId },
    effects: [
      { kind: 'record', fact: { kind: 'session-closed', sessionId } },
      { kind: 'send', message: { kind: 'withdraw', code: code ?? 'left', message } },
      { kind: 'over', completed: false, code, message },
    ],
  }
}

function refusedBeforeEntering(sessionId: Uint8Array, error: ProtocolError): Stepped {
  const { code, message } = error
  return {
    session: { stage: 'ended', sessionId },
    effects: [
      { kind: 'send', message: { kind: 'withdraw', code, message } },
      { kind: 'over', completed: false, code, message },
    ],
  }
}
