/**
 * What participants can ask of the coordinator. Every call acts for the SPIFFE ID of its connection and nobody else; what a
 * message means is decided by the session it belongs to.
 */

import { WIRE_LABEL } from '../../shared/protocol/label.ts'
import type { MessageOutcome } from '../../shared/protocol/messages.ts'
import { ProtocolError } from '../../shared/protocol/refusal.ts'
import type { Log } from '../../shared/runtime/log.ts'
import { SOFTWARE_VERSION } from '../../shared/runtime/software-version.ts'
import {
  attestationFromWire,
  dealFromWire,
  entryFromWire,
  noShareFromWire,
  revealFromWire,
} from '../../shared/wire/from-wire.ts'
import type { Accepted, CoordinatorServer } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import type { Attendance } from '../attendance/attendance.ts'
import type { ReceivedMessage } from '../protocol/session.ts'
import type { ByteMeter } from '../rounds/byte-meter.ts'
import type { LiveRounds } from '../rounds/live-rounds.ts'
import { attendHandler } from './attend.ts'
import { type DownloadTools, download } from './downloads.ts'
import { checkFirstCall } from './first-call.ts'
import { clientStream, serverStream, unary } from './handlers.ts'
import { PerPeer } from './per-peer.ts'
import { printable } from './printable.ts'
import { requestBytes } from './request-sizes.ts'
import { receiveUpload } from './upload.ts'
import { UploadLives } from './upload-life.ts'
import type { UploadSlots } from './upload-slots.ts'

export interface ParticipantsTools extends DownloadTools {
  readonly attendance: Attendance
  readonly live: LiveRounds
  readonly meter: ByteMeter
  readonly slots: UploadSlots
  readonly nowMs: () => number
  readonly log: Log
}

/** An agent takes one at a time; a second may begin before a cut one is noticed. */
const MAX_DOWNLOADS = 2

export function participantsService(tools: ParticipantsTools): CoordinatorServer {
  const { attendance, live, meter, slots, nowMs, log } = tools
  const lives = new UploadLives()
  const downloads = new PerPeer(MAX_DOWNLOADS, 'downloads')

  /** A call about a session: its answer is what became of the message. */
  const forSession = <Request extends { sessionId: Uint8Array }>(messageOf: (request: Request) => ReceivedMessage) =>
    unary<Request, Accepted>(log, async (request, from) => {
      meter.add(from, requestBytes(request))
      const session = live.session(request.sessionId)
      return accepted(await session.deliver(from, messageOf(request)))
    })

  return {
    hello: unary(log, (request, from) => {
      checkFirstCall(request)
      return {
        wireLabel: WIRE_LABEL,
        softwareVersion: SOFTWARE_VERSION,
        spiffeId: from,
        serverTimeMs: nowMs(),
      }
    }),
    attend: attendHandler(attendance, log),
    download: serverStream(log, (request, from) => downloads.during(from, download(request.digest, from, tools))),
    reportReady: unary(log, (request, from) => {
      meter.add(from, requestBytes(request))
      const { runId, round, attempt, modelDigest, ready } = request
      const code = ready ? '' : printable(request.code, 64)
      const message = ready ? '' : printable(request.message, 500)
      const repeated = live.preparationOf(runId).report(from, { round, attempt, modelDigest }, { ready, code, message })
      return { repeated }
    }),
    advertiseKeys: forSession(({ entry }) => ({ kind: 'advertise-keys', entry: entryFromWire(entry) })),
    shareKeys: forSession(({ deal }) => ({ kind: 'share-keys', deal: dealFromWire(deal) })),
    reportNoShare: forSession(({ noShare }) => noShareFromWire(noShare)),
    uploadStatus: unary(log, (request, from) => {
      meter.add(from, requestBytes(request))
      return live.session(request.sessionId).uploadProgress(from)
    }),
    uploadMaskedInput: clientStream(log, (call, from) =>
      receiveUpload(call, from, { live, slots, lives, onPart: (who, part) => meter.add(who, requestBytes(part)) }),
    ),
    attestSurvivors: forSession(({ attestation }) => attestationFromWire(attestation)),
    revealShares: forSession(({ reveal }) => ({ kind: 'reveal-shares', shares: revealFromWire(reveal) })),
    withdraw: forSession(({ code, message }) => ({
      kind: 'withdraw',
      code: printable(code, 64),
      message: printable(message, 500),
    })),
  }
}

function accepted(outcome: MessageOutcome): Accepted {
  if (outcome.kind === 'rejected') throw new ProtocolError(outcome.code, outcome.message)
  return { repeated: outcome.repeated }
}
