import { once } from 'node:events'
import http2, { type ClientHttp2Session } from 'node:http2'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { Server } from '@grpc/grpc-js'
import { afterAll, expect, test, vi } from 'vitest'
import { InvariantError } from '../../../shared/errors.ts'
import { certificatesToPem } from '../../../shared/identity/pem.ts'
import { narrowWindow, peerSpiffeId, widenWindow } from '../../../shared/transport/peer-connection.ts'
import { createNarrowInjector, NARROW_WINDOW, WIDE_WINDOW } from '../../../shared/transport/receive-window.ts'
import { bundle, closeAll, helloHandlers, helloService, identityOf, NORTH_ID, startHello } from './hello.ts'

afterAll(closeAll)

/** A bare HTTP/2 client, which shows the windows its server grants it. */
async function openSession(port: number): Promise<ClientHttp2Session> {
  const identity = identityOf(NORTH_ID)
  const socket: TLSSocket = connectTls({
    host: '127.0.0.1',
    port,
    ALPNProtocols: ['h2'],
    key: identity.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: certificatesToPem(identity.chain),
    ca: certificatesToPem(bundle.authorities),
    checkServerIdentity: () => undefined,
  })
  await once(socket, 'secureConnect')
  const session = http2.connect('https://a.example', { createConnection: () => socket })
  await once(session, 'remoteSettings')
  return session
}

/** One gRPC message of `length` bytes in its frame. */
function frame(length: number): Buffer {
  const framed = Buffer.alloc(5 + length)
  framed.writeUInt32BE(length, 1)
  return framed
}

test('the window is small, wide while an upload is held, and small again', async () => {
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const { server } = await startHello({ services: [[helloService, helloHandlers(() => held)]] })
  const session = await openSession(server.port)
  const streamBytes = () => session.remoteSettings.initialWindowSize
  const connectionBytes = () => session.state.remoteWindowSize ?? 0
  expect(streamBytes()).toBe(NARROW_WINDOW.streamBytes)
  await vi.waitFor(() => expect(connectionBytes()).toBe(NARROW_WINDOW.connectionBytes))

  const call = session.request({
    ':method': 'POST',
    ':path': '/test.Hello/Upload',
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  await vi.waitFor(() => expect(streamBytes()).toBe(WIDE_WINDOW.streamBytes))
  await vi.waitFor(() => expect(connectionBytes()).toBe(WIDE_WINDOW.connectionBytes))

  // Nobody reads yet: what leaves is exactly what the window lets out, 4 MiB of the 6 MiB written.
  for (let i = 0; i < 6; i++) call.write(frame(1024 * 1024 - 5))
  await vi.waitFor(() => expect(WIDE_WINDOW.connectionBytes - connectionBytes()).toBe(WIDE_WINDOW.streamBytes))
  const answer: Buffer[] = []
  call.on('data', (bytes: Buffer) => answer.push(bytes))
  call.end()
  release()
  await once(call, 'end')
  expect(Buffer.concat(answer).subarray(5).toString()).toBe(`${6 * (1024 * 1024 - 5)}`)
  await vi.waitFor(() => expect(streamBytes()).toBe(NARROW_WINDOW.streamBytes))
  session.destroy()
})

test('node:http2 is as it was after an injector is made, and grpc-js still uses it', () => {
  const before = http2.createServer
  const server = new Server()
  createNarrowInjector(server, () => {})
  expect(http2.createServer).toBe(before)
  server.forceShutdown()
})

test('a call that came through no server of ours has no peer', () => {
  const call = { metadata: {} as never }
  for (const ask of [peerSpiffeId, widenWindow, narrowWindow]) expect(() => ask(call)).toThrow(InvariantError)
})
