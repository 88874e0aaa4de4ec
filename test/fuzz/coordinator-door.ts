/**
 * The coordinator as a request meets it: the production service definition with its walk and decoder, the production
 * handlers with their conversions, and the core behind them. Only the network and the disk are missing.
 */
import { Metadata, type ServerUnaryCall, type ServiceError } from '@grpc/grpc-js'
import { Attendance } from '../../coordinator/attendance/attendance.ts'
import { type ReceivedMessage, receive, type SessionEffect } from '../../coordinator/protocol/session.ts'
import { type CoordinatorSession, indexOf } from '../../coordinator/protocol/session-state.ts'
import { LiveRounds } from '../../coordinator/rounds/live-rounds.ts'
import { Preparation } from '../../coordinator/rounds/preparation.ts'
import { type ParticipantsTools, participantsService } from '../../coordinator/rpc/participants-service.ts'
import { measured } from '../../coordinator/rpc/request-sizes.ts'
import { UploadSlots } from '../../coordinator/rpc/upload-slots.ts'
import type { SessionRunner } from '../../coordinator/session-runner/session-runner.ts'
import { encodeHex } from '../../shared/crypto/digest.ts'
import type { TrustBundle } from '../../shared/identity/trust-bundle.ts'
import { refuseIf } from '../../shared/protocol/refusal.ts'
import { openLog } from '../../shared/runtime/log.ts'
import { bindCall, type PeerConnection } from '../../shared/transport/peer-connection.ts'
import { UndecodedRequest } from '../../shared/transport/undecoded-request.ts'
import { uploadDigest } from '../../shared/vector/upload-digest.ts'
import { CoordinatorService } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { refusalFromError } from '../../shared/wire/status.ts'
import { NOW_MS } from '../protocol/federation.ts'
import { Finding } from './finding.ts'
import type { Method } from './requests.ts'

export interface Request {
  readonly method: Method
  readonly from: string
  /** One, or the parts of an upload. */
  readonly requests: readonly Uint8Array[]
}

export interface Coordinator {
  readonly sessionId: Uint8Array
  readonly session: CoordinatorSession
  readonly bundle: TrustBundle
  readonly packedBytes: number
}

export interface Answer {
  /** The code of the refusal, or `null` when the request was accepted. */
  readonly code: string | null
  readonly message: string
  readonly repeated: boolean
  readonly session: CoordinatorSession
  readonly effects: readonly SessionEffect[]
  /** What reached the core. */
  readonly received: ReceivedMessage | null
}

const service = measured(CoordinatorService)
/** What a handler calls our own fault goes to the log as an error. */
const log = openLog({ name: 'fuzz', level: 'silent' })
let onFailure: (fields: unknown) => void = () => {}
log.error = (fields: unknown) => onFailure(fields)
const nowMs = () => NOW_MS
const attendance = new Attendance(nowMs)
type UnaryHandler = (call: unknown, callback: (error: ServiceError | null) => void) => void

/** Sends a request to a coordinator. Finding: anything thrown on the way that is no refusal. */
export async function ask(coordinator: Coordinator, request: Request): Promise<Answer> {
  const { session } = coordinator
  const nothing = { repeated: false, session, effects: [], received: null }
  const decoded: unknown[] = []
  for (const bytes of request.requests) {
    let one: unknown
    try {
      one = service[request.method].requestDeserialize(Buffer.from(bytes))
    } catch (error) {
      throw new Finding(`${request.method}: the decoder threw without a code`, { cause: error })
    }
    if (one instanceof UndecodedRequest) return { ...nothing, ...refusalOf(one) }
    decoded.push(one)
  }
  return handle(coordinator, request, decoded)
}

async function handle(coordinator: Coordinator, request: Request, decoded: readonly unknown[]): Promise<Answer> {
  let { session } = coordinator
  let received: ReceivedMessage | null = null
  let effects: readonly SessionEffect[] = []
  let repeated = false
  let failure: unknown = null
  const deliver = async (from: string, message: ReceivedMessage) => {
    received = message
    const result = receive(session, from, message, { nowMs: NOW_MS, bundle: coordinator.bundle })
    ;({ session, effects } = result)
    repeated = result.outcome.kind === 'accepted' && result.outcome.repeated
    return result.outcome
  }
  const live = new LiveRounds()
  live.open('run-1', runnerOf(coordinator, deliver))
  live.prepare('run-1', preparationOf(coordinator))
  onFailure = (fields) => {
    failure = fields
  }
  const error = await callOf(participantsService(toolsOf(live)), request, decoded)
  if (failure !== null) {
    const cause = typeof failure === 'object' && 'error' in failure ? failure.error : failure
    throw new Finding(`${request.method}: something was thrown that is no refusal`, { cause })
  }
  const shared = { session, effects, received }
  if (error === null) return { ...shared, code: null, message: '', repeated }
  return { ...shared, ...refusalOf(error), repeated: false }
}

function refusalOf(status: { readonly code: number; readonly details: string }) {
  const { code, message } = refusalFromError(Object.assign(new Error(status.details), status))
  return { code, message }
}

/** The call as grpc-js makes it: a request, or a stream of them, over the connection of its sender. */
function callOf(
  handlers: ReturnType<typeof participantsService>,
  { method, from }: Request,
  decoded: readonly unknown[],
): Promise<ServiceError | null> {
  const metadata = new Metadata()
  const connection = { spiffeId: from, chain: [], session: null, wideHolders: 0 }
  // Safety: the handlers look at nothing else of it.
  bindCall(metadata, connection as unknown as PeerConnection)
  const once = () => undefined
  const stream = {
    metadata,
    cancelled: false,
    on: once,
    once,
    request: decoded[0],
    write: () => true,
    end: () => {},
    emit: (_event: string, _error: ServiceError) => true,
    async *[Symbol.asyncIterator]() {
      yield* decoded
    },
  }
  const handler = handlers[method] as unknown as UnaryHandler
  return new Promise((resolve) => {
    // A call that answers with a stream begins with its first message, or fails.
    stream.write = () => {
      resolve(null)
      return true
    }
    stream.end = () => resolve(null)
    stream.emit = (_event, error) => {
      resolve(error)
      return true
    }
    handler(stream as unknown as ServerUnaryCall<unknown, unknown>, (error) => resolve(error))
  })
}

/** The part of a SessionRunner that calls reach, with uploads kept in memory. */
function runnerOf(coordinator: Coordinator, deliver: SessionRunner['deliver']): SessionRunner {
  const { session, packedBytes } = coordinator
  const chunks: Uint8Array[] = []
  let length = 0
  const spool = {
    write: async (_stream: number, offset: number, chunk: Uint8Array) => {
      refuseIf(offset !== length, 'malformed', `bytes at ${offset}, acknowledged are ${length}`)
      length += chunk.length
      chunks.push(chunk)
    },
    finish: async () => {
      refuseIf(length !== packedBytes, 'wrong_length', `a masked input is ${packedBytes} bytes here, ${length} came`)
      return uploadDigest(new Uint8Array(Buffer.concat(chunks)))
    },
  }
  const runner = {
    sessionId: encodeHex(coordinator.sessionId),
    deliver,
    uploadsClosed: new AbortController().signal,
    uploadProgress: () => ({ acknowledgedBytes: length, complete: false }),
    openUpload: (from: string, totalBytes: number) => {
      refuseIf(totalBytes !== packedBytes, 'wrong_length', `${packedBytes} bytes here, not ${totalBytes}`)
      const index = 'roster' in session ? indexOf(session.roster, from) : null
      if ('contributions' in session && index !== null && session.contributions.has(index)) return null
      refuseIf(session.stage !== 'mask-input', 'late', `a masked input in stage ${session.stage}`)
      return { spool, stream: 1 }
    },
    finishUpload: async (from: string, place: unknown, receipt: { digest: Uint8Array; signature: Uint8Array }) => {
      const receivedDigest = place === null ? receipt.digest : await spool.finish()
      return deliver(from, { kind: 'contribution', ...receipt, receivedDigest })
    },
  }
  // Safety: calls about a session use nothing else of its runner.
  return runner as unknown as SessionRunner
}

/** A round that asks everybody for attempt 1 on the session's model. */
function preparationOf({ session: { setup } }: Coordinator): Preparation {
  const { runId, round, planDigest, modelDigest } = setup.context
  const prepare = { planDigest, modelDigest, version: 0, attempt: 1 }
  const deadlines = { trainDeadlineMs: 1000, joinGraceMs: 1000, onReport: () => {} }
  return new Preparation(attendance, nowMs, { runId, round, prepare, cohort: [...setup.expected], ...deadlines })
}

function toolsOf(live: LiveRounds): ParticipantsTools {
  const runs = { list: async () => [] }
  const tools = { attendance, live, runs, meter: { add: () => {} }, slots: new UploadSlots(1), nowMs, log }
  // Safety: registry and store are only asked by downloads, and nothing is there to download.
  return tools as unknown as ParticipantsTools
}
