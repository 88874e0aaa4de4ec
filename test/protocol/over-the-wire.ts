/** Every message takes the way it takes in production: to bytes by the generated code, and back through the checks. */
import type { Instruction, ParticipantMessage } from '../../shared/protocol/messages.ts'
import {
  dealFromWire,
  entryFromWire,
  instructionFromWire,
  noShareFromWire,
  revealFromWire,
} from '../../shared/wire/from-wire.ts'
import { Instruction as WireInstruction } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { Deal, NoShare, Reveal, RosterEntry } from '../../shared/wire/generated/blindsum/v1/secure_aggregation.ts'
import { dealToWire, entryToWire, instructionToWire, noShareToWire, revealToWire } from '../../shared/wire/to-wire.ts'

const download = { planDigest: new Uint8Array(32), modelDigest: new Uint8Array(32), version: 0 }

export function instructionOverTheWire(instruction: Instruction): Instruction {
  const step = instructionToWire(instruction, download)
  const bytes = WireInstruction.encode({ runId: 'run-1', round: 1, sessionId: new Uint8Array(16), step }).finish()
  const read = instructionFromWire(WireInstruction.decode(bytes).step)
  if (read === null) throw new Error('an instruction was lost on the wire')
  return read
}

export function messageOverTheWire(message: ParticipantMessage): ParticipantMessage {
  switch (message.kind) {
    case 'advertise-keys':
      return {
        ...message,
        entry: entryFromWire(RosterEntry.decode(RosterEntry.encode(entryToWire(message.entry)).finish())),
      }
    case 'share-keys':
      return { ...message, deal: dealFromWire(Deal.decode(Deal.encode(dealToWire(message.deal)).finish())) }
    case 'no-share':
      return noShareFromWire(NoShare.decode(NoShare.encode(noShareToWire(message)).finish()))
    case 'reveal-shares':
      return { ...message, shares: revealFromWire(Reveal.decode(Reveal.encode(revealToWire(message.shares)).finish())) }
    default:
      return message
  }
}
