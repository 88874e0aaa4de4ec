/**
 * A coordinator that says what a test tells it to, over the real transport: for what a real one does not do on demand, such
 * as breaking off, lying or hanging. Only the calls a test needs are given; the others are unimplemented.
 */
import { type ServerWritableStream, status } from '@grpc/grpc-js'
import { WIRE_LABEL } from '../../shared/protocol/label.ts'
import type { WorkloadIdentity } from '../../shared/transport/identity-source.ts'
import { type MtlsServer, startMtlsServer } from '../../shared/transport/mtls-server.ts'
import { peerSpiffeId } from '../../shared/transport/peer-connection.ts'
import {
  type AttendRequest,
  type CoordinatorServer,
  CoordinatorService,
  type HelloReply,
  type Instruction,
} from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { handIdentity, identityOf, SERVER_ID } from '../shared/transport/hello.ts'

export type AttendCall = ServerWritableStream<AttendRequest, Instruction>

export interface ScriptedCoordinator {
  readonly port: number
  readonly address: string
  readonly close: () => Promise<void>
}

const servers = new Set<MtlsServer>()

export async function startScripted(script: {
  readonly port?: number
  readonly identity?: WorkloadIdentity
  readonly hello?: Partial<HelloReply>
  /** Called for every stream, with its number from 0. */
  readonly attend?: (call: AttendCall, count: number) => void
  readonly calls?: Partial<CoordinatorServer>
}): Promise<ScriptedCoordinator> {
  let streams = 0
  const calls: Partial<CoordinatorServer> = {
    hello: (call, reply) => {
      const spiffeId = peerSpiffeId(call)
      reply(null, {
        wireLabel: WIRE_LABEL,
        softwareVersion: '9.9.9',
        spiffeId,
        serverTimeMs: Date.now(),
        ...script.hello,
      })
    },
    attend: (call) => {
      call.on('error', () => {})
      script.attend?.(call, streams)
      streams += 1
    },
    ...script.calls,
  }
  const server = await startMtlsServer({
    host: '127.0.0.1',
    port: script.port ?? 0,
    identity: handIdentity(script.identity ?? identityOf(SERVER_ID)),
    authorise: () => ({ ok: true }),
    // Safety: a call without a handler is answered as unimplemented.
    services: [[CoordinatorService, calls as CoordinatorServer]],
    log: { info: () => {}, warn: () => {} },
  })
  servers.add(server)
  const close = async () => {
    servers.delete(server)
    await server.close(0)
  }
  return { port: server.port, address: server.address, close }
}

/** Closes whatever is still open. */
export async function closeScripted(): Promise<void> {
  await Promise.all([...servers].map((server) => server.close(0)))
  servers.clear()
}

export function idleBecause(reason: string): Instruction {
  return { runId: '', round: 0, sessionId: new Uint8Array(0), step: { $case: 'idle', value: { reason } } }
}

/** A failure as a handler hands it to grpc. */
export function unavailable(details: string) {
  return Object.assign(new Error(details), { code: status.UNAVAILABLE, details })
}
