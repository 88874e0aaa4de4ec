/**
 * Every message as bytes, made and read as the real programs do: the generated code, the walk before decoding, and the checks
 * of presence and length behind it. Counted bytes are the lengths of these; frames, TLS and empty replies are not counted.
 */
import { requestFlaw } from '../coordinator/rpc/request-limits.ts'
import type { Contribution } from '../participant/protocol/session-state.ts'
import { unreachable } from '../shared/errors.ts'
import type { Instruction, ParticipantMessage } from '../shared/protocol/messages.ts'
import { refuseIf } from '../shared/protocol/refusal.ts'
import { UPLOAD_BLOCK_BYTES } from '../shared/vector/upload-digest.ts'
import {
  attestationFromWire,
  dealFromWire,
  entryFromWire,
  instructionFromWire,
  type LongParts,
  noShareFromWire,
  revealFromWire,
} from '../shared/wire/from-wire.ts'
import {
  AdvertiseKeysRequest,
  AttestSurvivorsRequest,
  ReportNoShareRequest,
  RevealSharesRequest,
  ShareKeysRequest,
  Instruction as WireInstruction,
  WithdrawRequest,
} from '../shared/wire/generated/blindsum/v1/coordinator.ts'
import { UploadPart } from '../shared/wire/generated/blindsum/v1/secure_aggregation.ts'
import { replyFlaw } from '../shared/wire/reply-limits.ts'
import { dealToWire, entryToWire, instructionToWire, noShareToWire, revealToWire } from '../shared/wire/to-wire.ts'

/** The unary calls of a session. */
export type Method = 'advertiseKeys' | 'shareKeys' | 'reportNoShare' | 'attestSurvivors' | 'revealShares' | 'withdraw'
export type SmallMessage = Exclude<ParticipantMessage, { kind: 'contribution' }>

export interface SessionName {
  readonly runId: string
  readonly round: number
  readonly sessionId: Uint8Array
}

const DOWNLOAD = { planDigest: new Uint8Array(32), modelDigest: new Uint8Array(32), version: 0 }

/** An instruction as it goes down. */
export function instructionBytes(instruction: Instruction, session: SessionName): Uint8Array {
  return WireInstruction.encode({ ...session, step: instructionToWire(instruction, DOWNLOAD) }).finish()
}

/** @throws ProtocolError when it is too heavy or misshapen. */
export function readInstruction(bytes: Uint8Array, long?: LongParts): Instruction | null {
  const flaw = replyFlaw('attend', bytes)
  refuseIf(flaw !== null, 'malformed', flaw ?? '')
  return instructionFromWire(WireInstruction.decode(bytes).step, long)
}

/** A participant's message as it goes up, all but the masked input. */
export function messageBytes(message: SmallMessage, sessionId: Uint8Array): { method: Method; bytes: Uint8Array } {
  switch (message.kind) {
    case 'advertise-keys': {
      const bytes = AdvertiseKeysRequest.encode({ sessionId, entry: entryToWire(message.entry) }).finish()
      return { method: 'advertiseKeys', bytes }
    }
    case 'share-keys':
      return {
        method: 'shareKeys',
        bytes: ShareKeysRequest.encode({ sessionId, deal: dealToWire(message.deal) }).finish(),
      }
    case 'no-share': {
      const bytes = ReportNoShareRequest.encode({ sessionId, noShare: noShareToWire(message) }).finish()
      return { method: 'reportNoShare', bytes }
    }
    case 'attest-survivors': {
      const attestation = { signature: message.signature }
      return { method: 'attestSurvivors', bytes: AttestSurvivorsRequest.encode({ sessionId, attestation }).finish() }
    }
    case 'reveal-shares': {
      const bytes = RevealSharesRequest.encode({ sessionId, reveal: revealToWire(message.shares) }).finish()
      return { method: 'revealShares', bytes }
    }
    case 'withdraw': {
      const { code, message: reason } = message
      return { method: 'withdraw', bytes: WithdrawRequest.encode({ sessionId, code, message: reason }).finish() }
    }
    default:
      return unreachable(message)
  }
}

/** @throws ProtocolError when it is too heavy or misshapen. */
export function readMessage(method: Method, bytes: Uint8Array): SmallMessage {
  const flaw = requestFlaw(method, bytes)
  refuseIf(flaw !== null, 'malformed', flaw ?? '')
  switch (method) {
    case 'advertiseKeys':
      return { kind: 'advertise-keys', entry: entryFromWire(AdvertiseKeysRequest.decode(bytes).entry) }
    case 'shareKeys':
      return { kind: 'share-keys', deal: dealFromWire(ShareKeysRequest.decode(bytes).deal) }
    case 'reportNoShare':
      return noShareFromWire(ReportNoShareRequest.decode(bytes).noShare)
    case 'attestSurvivors':
      return attestationFromWire(AttestSurvivorsRequest.decode(bytes).attestation)
    case 'revealShares':
      return { kind: 'reveal-shares', shares: revealFromWire(RevealSharesRequest.decode(bytes).reveal) }
    case 'withdraw': {
      const { code, message } = WithdrawRequest.decode(bytes)
      return { kind: 'withdraw', code, message }
    }
    default:
      return unreachable(method)
  }
}

/** An upload as it goes up: header, chunks, receipt. */
export function uploadBytes(packed: Uint8Array, contribution: Contribution, sessionId: Uint8Array): Uint8Array[] {
  const encode = (part: NonNullable<UploadPart['part']>) => UploadPart.encode({ part }).finish()
  const parts = [encode({ $case: 'header', value: { sessionId, totalBytes: packed.length, offset: 0 } })]
  for (let at = 0; at < packed.length; at += UPLOAD_BLOCK_BYTES) {
    parts.push(encode({ $case: 'chunk', value: packed.subarray(at, at + UPLOAD_BLOCK_BYTES) }))
  }
  parts.push(encode({ $case: 'contribution', value: { ...contribution } }))
  return parts
}

/** @throws ProtocolError when it is too heavy or misshapen. */
export function readUploadPart(bytes: Uint8Array): NonNullable<UploadPart['part']> | undefined {
  const flaw = requestFlaw('uploadMaskedInput', bytes)
  refuseIf(flaw !== null, 'malformed', flaw ?? '')
  return UploadPart.decode(bytes).part
}
