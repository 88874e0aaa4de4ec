/** Streams that would hold pieces of a message for ever are ended; calls that answer or stream are not. */
import { once } from 'node:events'
import { type ClientHttp2Stream, connect as connectHttp2, constants } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import { afterAll, expect, test } from 'vitest'
import { certificatesToPem } from '../../../shared/identity/pem.ts'
import { closeAll, dial, greet, identityOf, NORTH_ID, startHello } from './hello.ts'

afterAll(closeAll)

async function openSession(port: number) {
  const { chain, privateKey } = identityOf(NORTH_ID)
  const socket = connectTls({
    host: '127.0.0.1',
    port,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: certificatesToPem(chain),
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
  })
  await once(socket, 'secureConnect')
  return connectHttp2('https://127.0.0.1', { createConnection: () => socket })
}

/** Announces `length` bytes to `path` and sends one of them. */
function begin(session: Awaited<ReturnType<typeof openSession>>, path: string, length: number): ClientHttp2Stream {
  const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }
  const stream = session.request(headers)
  stream.on('error', () => {})
  stream.resume()
  const head = Buffer.alloc(6)
  head.writeUInt32BE(length, 1)
  stream.write(head)
  return stream
}

test('a request that never becomes whole is ended, a stream and whole requests are not', async () => {
  const { server } = await startHello({ limits: { requestDeadlineMs: 300 } })
  const session = await openSession(server.port)
  const upload = begin(session, '/test.Hello/Upload', 1000)
  const unknown = begin(session, '/test.Hello/Nothing', 1000)
  const greeting = begin(session, '/test.Hello/Greet', 1000)
  await once(greeting, 'close')
  expect(greeting.rstCode).toBe(constants.NGHTTP2_CANCEL)
  if (!unknown.closed) await once(unknown, 'close')
  expect(upload.closed).toBe(false)
  expect(await greet(dial(server.address, identityOf(NORTH_ID)))).toBe(`hello ${NORTH_ID}`)
  upload.end(Buffer.alloc(999))
  await once(upload, 'close')
  expect(upload.rstCode).toBe(constants.NGHTTP2_NO_ERROR)
  session.destroy()
})
