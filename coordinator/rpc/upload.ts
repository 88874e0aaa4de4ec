/**
 * The UploadMaskedInput call: header, chunks of at most 1 MiB from the offset last acknowledged, and the receipt. The
 * receive window is wide while the upload holds a slot.
 */
import type { ServerReadableStream } from '@grpc/grpc-js'
import { equalBytes } from '../../shared/crypto/digest.ts'
import { ProtocolError, refuse, refuseIf } from '../../shared/protocol/refusal.ts'
import { narrowWindow, widenWindow } from '../../shared/transport/peer-connection.ts'
import { UPLOAD_BLOCK_BYTES, UploadDigest } from '../../shared/vector/upload-digest.ts'
import { contributionFromWire } from '../../shared/wire/from-wire.ts'
import type {
  Contribution,
  UploadHeader,
  UploadPart,
  UploadProgress,
} from '../../shared/wire/generated/blindsum/v1/secure_aggregation.ts'
import type { LiveRounds } from '../rounds/live-rounds.ts'
import type { SessionRunner, UploadPlace } from '../session-runner/session-runner.ts'
import { CallEnded } from './call-errors.ts'
import type { UploadLife, UploadLives } from './upload-life.ts'
import type { UploadSlots } from './upload-slots.ts'

export interface UploadTools {
  readonly live: LiveRounds
  readonly slots: UploadSlots
  readonly lives: UploadLives
  /** Told the size of every part. */
  readonly onPart: (from: string, part: UploadPart) => void
}

type UploadCall = ServerReadableStream<UploadPart, UploadProgress>

export async function receiveUpload(call: UploadCall, from: string, tools: UploadTools): Promise<UploadProgress> {
  const life = tools.lives.begin(from)
  call.once('cancelled', () => life.end(new CallEnded('the participant hung up')))
  try {
    return await receiveWhileAlive(call, { from, life }, tools)
  } finally {
    life.finish()
  }
}

async function receiveWhileAlive(
  call: UploadCall,
  { from, life }: { readonly from: string; readonly life: UploadLife },
  tools: UploadTools,
): Promise<UploadProgress> {
  const parts = partsOf(call, { from, life }, tools)
  const first = await parts.next()
  const header = first.done === true || first.value?.$case !== 'header' ? null : first.value.value
  if (header === null) return refuse('malformed', 'an upload begins with its header')
  const session = tools.live.session(header.sessionId)
  const place = session.openUpload(from, header.totalBytes)
  if (place !== null) life.follow(session.uploadsClosed)
  life.pause()
  const giveBack = await tools.slots.take(life.signal)
  life.heard()
  widenWindow(call)
  try {
    return await receiveParts({ parts, header, session, place, from })
  } finally {
    narrowWindow(call)
    giveBack()
  }
}

async function receiveParts(upload: {
  readonly parts: AsyncIterable<UploadPart['part']>
  readonly header: UploadHeader
  readonly session: SessionRunner
  readonly place: UploadPlace
  readonly from: string
}): Promise<UploadProgress> {
  const { parts, header, session, place, from } = upload
  const repeated = new UploadDigest()
  let offset = header.offset
  for await (const part of parts) {
    if (part?.$case === 'chunk') {
      const chunk = part.value
      refuseIf(chunk.length > UPLOAD_BLOCK_BYTES, 'malformed', `a chunk is at most ${UPLOAD_BLOCK_BYTES} bytes`)
      refuseIf(
        offset + chunk.length > header.totalBytes,
        'wrong_length',
        `bytes past the ${header.totalBytes} announced`,
      )
      if (place === null) repeated.update(chunk)
      else await place.spool.write(place.stream, offset, chunk)
      offset += chunk.length
    } else if (part?.$case === 'contribution') {
      if (place === null) refuseOtherBytes(header, repeated, part.value)
      const outcome = await session.finishUpload(from, place, contributionFromWire(part.value))
      if (outcome.kind === 'rejected') throw new ProtocolError(outcome.code, outcome.message)
      return { acknowledgedBytes: header.totalBytes, complete: true }
    } else return refuse('malformed', 'after the header come chunks, then the receipt')
  }
  const { acknowledgedBytes, complete } = session.uploadProgress(from)
  return { acknowledgedBytes, complete }
}

/** The masked input is complete already: the whole of it may come again, but not other bytes in its place. */
function refuseOtherBytes(header: UploadHeader, repeated: UploadDigest, { digest }: Contribution): void {
  const isWhole = header.offset === 0
  refuseIf(
    isWhole && !equalBytes(repeated.final(), digest),
    'conflicting_repeat',
    'another masked input than the one already received',
  )
}

async function* partsOf(
  call: UploadCall,
  { from, life }: { readonly from: string; readonly life: UploadLife },
  tools: UploadTools,
): AsyncGenerator<UploadPart['part'], void> {
  const messages: AsyncIterator<UploadPart> = call[Symbol.asyncIterator]()
  while (true) {
    const { done, value } = await life.race(messages.next())
    if (done === true) break
    life.heard()
    tools.onPart(from, value)
    yield value.part
  }
  if (call.cancelled) throw new CallEnded('the participant hung up')
}
