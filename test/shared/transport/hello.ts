/**
 * A small real service over the real transport, for the tests beside it: `Greet` answers with the caller's SPIFFE ID,
 * `Upload` counts the bytes of a stream. Servers and clients opened here are closed after each test file.
 */
import {
  Client,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServiceDefinition,
  type ServiceError,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { TrustBundle } from '../../../shared/identity/trust-bundle.ts'
import type { IdentitySource, WorkloadIdentity } from '../../../shared/transport/identity-source.ts'
import { type MtlsChannel, mtlsChannel } from '../../../shared/transport/mtls-channel.ts'
import { type MtlsServer, type MtlsServerRequest, startMtlsServer } from '../../../shared/transport/mtls-server.ts'
import { narrowWindow, peerSpiffeId, widenWindow } from '../../../shared/transport/peer-connection.ts'
import { bundleOf, type CertificateSpec, type Issuer, makeAuthority, makeLeaf } from '../identity/test-pki.ts'

export const SERVER_ID = 'spiffe://a.example/coordinator'
export const NORTH_ID = 'spiffe://a.example/site/north'
export const root = makeAuthority()
export const bundle = bundleOf([root])

const bytes = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value }
const method = (path: string, requestStream: boolean) => ({
  path,
  requestStream,
  responseStream: false,
  requestSerialize: bytes.serialize,
  requestDeserialize: bytes.deserialize,
  responseSerialize: bytes.serialize,
  responseDeserialize: bytes.deserialize,
})
export const helloService: ServiceDefinition = {
  greet: method('/test.Hello/Greet', false),
  upload: method('/test.Hello/Upload', true),
}

/** The handlers; `onUpload` runs before an upload's first byte is read. */
export function helloHandlers(
  onUpload: (call: ServerReadableStream<Buffer, Buffer>) => Promise<void> = async () => {},
) {
  return {
    greet: (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) =>
      reply(null, Buffer.from(`hello ${peerSpiffeId(call)}`)),
    upload: async (call: ServerReadableStream<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => {
      widenWindow(call)
      await onUpload(call)
      let total = 0
      for await (const chunk of call) total += (chunk as Buffer).length
      narrowWindow(call)
      reply(null, Buffer.from(`${total}`))
    },
  } satisfies UntypedServiceImplementation
}

/** An identity that can be changed by hand. */
export function handIdentity(first: WorkloadIdentity): IdentitySource & { change(next: WorkloadIdentity): void } {
  let identity = first
  const listeners = new Set<(identity: WorkloadIdentity) => void>()
  return {
    current: () => identity,
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: () => listeners.clear(),
    change: (next) => {
      identity = next
      for (const listener of listeners) listener(next)
    },
  }
}

/** An identity for `spiffeId`, well made or spoilt by `spec`; nothing checks it here. */
export function identityOf(
  spiffeId: string,
  options: {
    readonly spec?: CertificateSpec
    readonly issuer?: Issuer
    readonly above?: readonly Issuer[]
    readonly trust?: TrustBundle
  } = {},
): WorkloadIdentity {
  const { spec = {}, issuer = root, above = [], trust = bundle } = options
  const leaf = makeLeaf(issuer, { uris: [spiffeId], ...spec })
  const chain = [leaf.der, ...above.map((certificate) => certificate.der)]
  return { spiffeId, chain, privateKey: leaf.keys.privateKey, bundle: trust, notAfterMs: Number.POSITIVE_INFINITY }
}

export interface LogLine {
  readonly code?: string
  readonly message: string
}

const open: { servers: MtlsServer[]; clients: Client[] } = { servers: [], clients: [] }

/** Starts a server that admits everybody; also returns what it logs. */
export async function startHello(
  request: Partial<MtlsServerRequest> = {},
): Promise<{ readonly server: MtlsServer; readonly lines: LogLine[] }> {
  const lines: LogLine[] = []
  const write = (fields: object, message: string) => lines.push({ ...fields, message })
  const server = await startMtlsServer({
    host: '127.0.0.1',
    port: 0,
    identity: handIdentity(identityOf(SERVER_ID)),
    authorise: () => ({ ok: true }),
    services: [[helloService, helloHandlers()]],
    log: { info: write, warn: write },
    ...request,
  })
  open.servers.push(server)
  return { server, lines }
}

/** A client of `address` with `identity`. */
export function dial(
  address: string,
  identity: WorkloadIdentity,
  expectedServerId = SERVER_ID,
): { readonly client: Client; readonly channel: MtlsChannel } {
  const channel = mtlsChannel({ address, identity: handIdentity(identity), expectedServerId })
  const client = new Client(channel.target, channel.credentials, channel.options)
  open.clients.push(client)
  return { client, channel }
}

/** Greets once: the answer, or the failure's code as the channel explains it. */
export async function greet(dialled: { readonly client: Client; readonly channel: MtlsChannel }): Promise<string> {
  const error = await new Promise<ServiceError | string>((resolve) => {
    const options = { deadline: Date.now() + 20_000 }
    dialled.client.makeUnaryRequest(
      '/test.Hello/Greet',
      bytes.serialize,
      bytes.deserialize,
      Buffer.alloc(0),
      options,
      (failure, answer) => resolve(failure ?? String(answer)),
    )
  })
  return typeof error === 'string' ? error : dialled.channel.explain(error).code
}

/** Closes whatever the file opened. */
export async function closeAll(): Promise<void> {
  for (const client of open.clients.splice(0)) client.close()
  await Promise.all(open.servers.splice(0).map((server) => server.close(0)))
}
