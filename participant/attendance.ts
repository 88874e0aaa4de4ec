/**
 * Attending: the one stream on which the coordinator says where this participant stands. It is opened again whenever it
 * ends, with jittered pauses, and after a certificate rotation; every reason why it cannot be opened is said once, not at
 * every attempt.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { WIRE_LABEL } from '../shared/protocol/label.ts'
import type { Log } from '../shared/runtime/log.ts'
import { SOFTWARE_VERSION } from '../shared/runtime/software-version.ts'
import type { IdentitySource } from '../shared/transport/identity-source.ts'
import { Instruction } from '../shared/wire/generated/blindsum/v1/coordinator.ts'
import { backoffMs } from './backoff.ts'
import { CallRefused } from './calls.ts'
import type { Connection, ConnectionFailure } from './connection.ts'

/** How long the coordinator may take to answer the first call. */
const HELLO_DEADLINE_MS = 10_000
/** A clock this far from the coordinator's is worth a line: stage 1 tolerates five minutes between participants. */
const CLOCK_TOLERANCE_MS = 60_000
/** A cause that lasts is said again this often. */
const REMIND_MS = 600_000

export interface AttendanceRequest {
  readonly connection: Connection
  readonly identity: IdentitySource
  readonly log: Log
  readonly signal: AbortSignal
  /** Called for every change, in order; not for an exact repetition within one stream. */
  readonly onInstruction: (instruction: Instruction) => void
  /** A new stream begins: what was told before will be told again. */
  readonly onAttending: () => void
}

/** Attends until `signal` is aborted. Never rejects. */
export async function attend(request: AttendanceRequest): Promise<void> {
  const { connection, identity, log, signal } = request
  const complain = complaints(log)
  let rotation = new AbortController()
  const stopListening = identity.onChange(() => {
    log.info({ spiffeId: identity.current().spiffeId }, 'certificate renewed')
    rotation.abort()
  })
  for (let failures = 0; !signal.aborted; ) {
    rotation = new AbortController()
    const stream = { ...request, signal: AbortSignal.any([signal, rotation.signal]) }
    const ended = await oneStream(stream, () => {
      failures = 0
      complain.forget()
    })
    if (signal.aborted) break
    if (!rotation.signal.aborted) {
      complain.say(ended)
      const wait = AbortSignal.any([signal, rotation.signal])
      await pause(backoffMs(failures), undefined, { signal: wait }).catch(() => {})
      failures += 1
    }
    connection.renew()
  }
  stopListening()
}

/** Says hello, opens a stream and passes on what it tells. Returns why it ended. */
async function oneStream(request: AttendanceRequest, onFirst: () => void): Promise<ConnectionFailure> {
  const { connection, log, signal, onInstruction, onAttending } = request
  try {
    const version = await sayHello(request)
    const stream = connection.client().attend({ wireLabel: WIRE_LABEL, softwareVersion: SOFTWARE_VERSION })
    // A call cancelled after its end fails once more, with nobody left to hear it.
    stream.on('error', () => {})
    const cancel = () => stream.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    try {
      let previous = new Uint8Array(0)
      let isFirst = true
      for await (const instruction of stream as AsyncIterable<Instruction>) {
        if (isFirst) {
          isFirst = false
          onFirst()
          onAttending()
          log.info({ coordinatorVersion: version }, 'attending')
        }
        const bytes = Instruction.encode(instruction).finish()
        if (Buffer.compare(bytes, previous) === 0) continue
        previous = bytes
        onInstruction(instruction)
      }
    } finally {
      signal.removeEventListener('abort', cancel)
    }
    return { code: 'attendance_ended', message: 'the coordinator ended the stream; it may be restarting' }
  } catch (error) {
    if (error instanceof CallRefused) return { code: error.code, message: error.message }
    return connection.explain(error)
  }
}

/** The first call of every connection. Returns the coordinator's software version. */
async function sayHello({ connection, identity, log, signal }: AttendanceRequest): Promise<string> {
  const hello = { wireLabel: WIRE_LABEL, softwareVersion: SOFTWARE_VERSION }
  const limits = { signal, deadlineMs: HELLO_DEADLINE_MS }
  const reply = await connection.callOnce((client) => client.hello.bind(client), hello, limits)
  if (reply.wireLabel !== WIRE_LABEL) {
    const message =
      `the coordinator speaks ${reply.wireLabel || 'an unknown protocol'} (software ${reply.softwareVersion}), this agent ` +
      `${WIRE_LABEL} (software ${SOFTWARE_VERSION}): the one with the lower version has to be upgraded`
    throw new CallRefused('wire_label_mismatch', message)
  }
  const { spiffeId } = identity.current()
  if (reply.spiffeId !== spiffeId) {
    const message = `the coordinator takes this agent for ${reply.spiffeId}, its certificate says ${spiffeId}`
    throw new CallRefused('identity_mismatch', message)
  }
  const aheadMs = Date.now() - reply.serverTimeMs
  if (Math.abs(aheadMs) > CLOCK_TOLERANCE_MS) {
    log.warn({ aheadMs }, 'the clocks of this machine and of the coordinator differ: have them synchronised (NTP)')
  }
  return reply.softwareVersion
}

/** One line per cause: again when the cause changes, or after ten minutes of the same. */
function complaints(log: Log): { say(failure: ConnectionFailure): void; forget(): void } {
  let lastCode = ''
  let lastAtMs = 0
  return {
    say: ({ code, message }) => {
      // Of a clock that nobody sets.
      const nowMs = performance.now()
      const isNews = code !== lastCode || nowMs - lastAtMs > REMIND_MS
      if (isNews) lastAtMs = nowMs
      lastCode = code
      if (isNews) log.warn({ code }, `not attending: ${message}; trying again`)
      else log.debug({ code }, `still not attending: ${message}`)
    },
    forget: () => {
      lastCode = ''
    },
  }
}
