/** From the row on floods: a message that is small on the wire and huge once decompressed is refused before it is that huge. */
import { Client, status } from '@grpc/grpc-js'
import { afterAll, expect, test } from 'vitest'
import { closeAll, dial, greet, identityOf, NORTH_ID, startHello } from '../shared/transport/hello.ts'

afterAll(closeAll)
const GZIP = 2

test('a compressed bomb gets its sender an error, and others go on', async () => {
  const { server } = await startHello()
  const { channel } = dial(server.address, identityOf(NORTH_ID))
  const client = new Client(channel.target, channel.credentials, {
    ...channel.options,
    'grpc.max_send_message_length': -1,
    'grpc.default_compression_algorithm': GZIP,
  })
  const send = (length: number) =>
    new Promise<number>((resolve) =>
      client.makeUnaryRequest(
        '/test.Hello/Greet',
        (bytes: Buffer) => bytes,
        (bytes) => bytes,
        Buffer.alloc(length),
        (error) => resolve(error?.code ?? status.OK),
      ),
    )
  expect(await send(1000)).toBe(status.OK)
  expect(await send(64 * 1024 * 1024)).toBe(status.RESOURCE_EXHAUSTED)
  client.close()
  const south = 'spiffe://a.example/site/south'
  expect(await greet(dial(server.address, identityOf(south)))).toBe(`hello ${south}`)
})
