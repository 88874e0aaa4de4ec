import { once } from 'node:events'
import { connect as connectTcp, createServer } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { Client, credentials, type ServiceError } from '@grpc/grpc-js'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { ConfigError } from '../../../shared/errors.ts'
import { certificatesToPem } from '../../../shared/identity/pem.ts'
import { mtlsChannel } from '../../../shared/transport/mtls-channel.ts'
import { startMtlsServer } from '../../../shared/transport/mtls-server.ts'
import { bundleOf, type CertificateSpec, makeAuthority, makeIntermediate, rawExtension } from '../identity/test-pki.ts'
import {
  bundle,
  closeAll,
  dial,
  greet,
  handIdentity,
  identityOf,
  NORTH_ID,
  root,
  SERVER_ID,
  startHello,
} from './hello.ts'

afterAll(closeAll)
const good = identityOf(NORTH_ID)
const otherRoot = makeAuthority('b.example')

test('two workloads of one trust domain greet each other by name', async () => {
  const { server } = await startHello()
  expect(await greet(dial(server.address, good))).toBe(`hello ${NORTH_ID}`)
  expect(await greet(dial(server.address, identityOf('spiffe://a.example/site/south')))).toBe(
    'hello spiffe://a.example/site/south',
  )
})

test('intermediates work on both sides', async () => {
  const middle = makeIntermediate(root)
  const lower = makeIntermediate(middle)
  const through = { issuer: lower, above: [lower, middle] }
  const { server } = await startHello({ identity: handIdentity(identityOf(SERVER_ID, through)) })
  expect(await greet(dial(server.address, identityOf(NORTH_ID, through)))).toBe(`hello ${NORTH_ID}`)
})

describe('the server refuses', () => {
  const wrong: [string, string, Parameters<typeof identityOf>[1]][] = [
    ['issuer_untrusted', 'a certificate of another trust domain’s authority', { issuer: otherRoot }],
    [
      'trust_domain_wrong',
      'another trust domain’s workload',
      { issuer: otherRoot, spec: { uris: ['spiffe://b.example/x'] } },
    ],
    ['expired', 'an expired certificate', { spec: { notAfter: new Date(Date.now() - 2000) } }],
    ['not_yet_valid', 'a certificate of tomorrow', { spec: { notBefore: new Date(Date.now() + 60_000) } }],
    ['uri_san_not_single', 'two SPIFFE IDs', { spec: { uris: [NORTH_ID, 'spiffe://a.example/site/south'] } }],
    ['uri_san_missing', 'no SPIFFE ID', { spec: { uris: [], dnsNames: ['north.example'] } }],
    ['leaf_is_ca', 'a CA certificate', { spec: { ca: true } }],
    [
      'leaf_key_usage',
      'a certificate that may sign others',
      { spec: { keyUsage: ['digitalSignature', 'keyCertSign'] } },
    ],
    [
      'extension_critical_unknown',
      'an unknown critical extension',
      { spec: { extra: [rawExtension('1.2.3.4', true, Buffer.from([5, 0]))] } },
    ],
    ['issuer_untrusted', 'a missing intermediate', { issuer: makeIntermediate(root) }],
  ]
  test.each(wrong)('%s: %s', async (code, _, options) => {
    const { server, lines } = await startHello()
    expect(await greet(dial(server.address, identityOf(NORTH_ID, options)))).toBe('connection_ended')
    expect(lines.map((line) => line.code)).toContain(code)
  })

  test('a leaf that acts as a CA', async () => {
    const { server, lines } = await startHello()
    const pretender = makeIntermediate(root, { ca: false, keyUsage: ['digitalSignature'], uris: [NORTH_ID] })
    const forged = identityOf('spiffe://a.example/coordinator', { issuer: pretender, above: [pretender] })
    expect(await greet(dial(server.address, forged))).toBe('connection_ended')
    expect(lines.map((line) => line.code)).toContain('issuer_untrusted')
  })

  test('a client without a certificate', async () => {
    const { server, lines } = await startHello()
    const socket = connectTls({
      host: '127.0.0.1',
      port: server.port,
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false,
    })
    socket.on('error', () => {})
    await once(socket, 'close')
    expect(lines.map((line) => line.code)).toContain('certificate_missing')
  })

  test('TLS 1.2, also after a renewal of its own certificate', async () => {
    const identity = handIdentity(identityOf(SERVER_ID))
    const { server } = await startHello({ identity })
    const attempt = async () => {
      const options = { host: '127.0.0.1', port: server.port, ALPNProtocols: ['h2'], rejectUnauthorized: false }
      const socket = connectTls({ ...options, ...asPem(good), maxVersion: 'TLSv1.2' })
      return (await once(socket, 'secureConnect').catch(
        (error: NodeJS.ErrnoException) => error,
      )) as NodeJS.ErrnoException
    }
    expect((await attempt()).code).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
    identity.change(identityOf(SERVER_ID))
    expect((await attempt()).code).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
  })

  test('a plaintext gRPC client, and one that does not speak HTTP/2', async () => {
    const { server, lines } = await startHello()
    const plain = new Client(server.address, credentials.createInsecure())
    const error = await new Promise<ServiceError | null>((resolve) =>
      plain.makeUnaryRequest(
        '/test.Hello/Greet',
        (b: Buffer) => b,
        (b) => b,
        Buffer.alloc(0),
        { deadline: Date.now() + 20_000 },
        resolve,
      ),
    )
    plain.close()
    expect(error).not.toBeNull()
    const socket = connectTls({ host: '127.0.0.1', port: server.port, rejectUnauthorized: false, ...asPem(good) })
    socket.on('error', () => {})
    await once(socket, 'close')
    expect(lines.map((line) => line.code)).toContain('protocol_not_http2')
  })

  test('a workload outside the allow list, with the reason', async () => {
    const { server, lines } = await startHello({
      authorise: (id) =>
        id === NORTH_ID ? { ok: true } : { ok: false, code: 'not_in_allow_list', message: `${id} is not listed` },
    })
    expect(await greet(dial(server.address, good))).toBe(`hello ${NORTH_ID}`)
    expect(await greet(dial(server.address, identityOf('spiffe://a.example/site/x')))).toBe('not_in_allow_list')
    expect(lines).toContainEqual(
      expect.objectContaining({ code: 'not_in_allow_list', peer: 'spiffe://a.example/site/x' }),
    )
  })

  test('further calls of a workload whose authorisation ends during the connection', async () => {
    let admitted = true
    const { server } = await startHello({
      authorise: () => (admitted ? { ok: true } : { ok: false, code: 'revoked', message: 'no longer listed' }),
    })
    const dialled = dial(server.address, good)
    expect(await greet(dialled)).toBe(`hello ${NORTH_ID}`)
    admitted = false
    expect(await greet(dialled)).toBe('revoked')
  })
})

describe('the client refuses', () => {
  const cases: [string, string, CertificateSpec][] = [
    ['server_id_wrong', 'another workload of its trust domain', { uris: ['spiffe://a.example/impostor'] }],
    ['server_certificate_expired', 'an expired certificate', { notAfter: new Date(Date.now() - 2000) }],
    ['server_certificate_not_yet_valid', 'a certificate of tomorrow', { notBefore: new Date(Date.now() + 60_000) }],
    ['server_certificate_uri_san_not_single', 'two SPIFFE IDs', { uris: [SERVER_ID, NORTH_ID] }],
    ['server_certificate_spiffe_id_without_path', 'a trust domain as workload', { uris: ['spiffe://a.example'] }],
  ]
  test.each(cases)('%s: %s', async (code, _, spec) => {
    const { server } = await startHello({ identity: handIdentity(identityOf(SERVER_ID, { spec })) })
    expect(await greet(dial(server.address, good))).toBe(code)
  })

  test('a server of another trust domain’s authority, though it claims the right id', async () => {
    const { server } = await startHello({ identity: handIdentity(identityOf(SERVER_ID, { issuer: otherRoot })) })
    expect(await greet(dial(server.address, good))).toBe('server_certificate_issuer_untrusted')
  })

  test('addresses and ids that are none', () => {
    const ask = (address: string, expectedServerId: string) => () =>
      mtlsChannel({ address, expectedServerId, identity: handIdentity(good) })
    for (const address of ['', 'a', 'a:', 'a:0', 'a:70000', 'https://a:1', 'unix:/x', 'a b:1']) {
      expect(ask(address, SERVER_ID)).toThrow(expect.objectContaining({ code: 'address_invalid' }))
    }
    expect(ask('a:1', 'spiffe://a.example')).toThrow(expect.objectContaining({ code: 'server_id_invalid' }))
  })

  test('nobody there: says so', async () => {
    const probe = createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const address = probe.address()
    await new Promise((resolve) => probe.close(resolve))
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    expect(await greet(dial(`127.0.0.1:${port}`, good))).toBe('server_unreachable')
  })
})

describe('the life of a connection', () => {
  test('it is cut when the peer’s certificate expires', async () => {
    const { server, lines } = await startHello()
    const dialled = dial(server.address, identityOf(NORTH_ID, { spec: { notAfter: new Date(Date.now() + 2500) } }))
    expect(await greet(dialled)).toBe(`hello ${NORTH_ID}`)
    await vi.waitFor(() => expect(lines.map((line) => line.code)).toContain('certificate_expired'), { timeout: 20_000 })
    expect(await greet(dialled)).toBe('connection_ended')
  })

  test('it is cut when a new bundle no longer holds the peer’s authority; new ones use the new bundle', async () => {
    const identity = handIdentity(identityOf(SERVER_ID))
    const { server, lines } = await startHello({ identity })
    const dialled = dial(server.address, good)
    expect(await greet(dialled)).toBe(`hello ${NORTH_ID}`)
    const newRoot = makeAuthority()
    const newBundle = bundleOf([newRoot])
    identity.change(identityOf(SERVER_ID, { issuer: newRoot, trust: newBundle }))
    expect(lines.map((line) => line.code)).toContain('issuer_untrusted')
    const renewed = identityOf(NORTH_ID, { issuer: newRoot, trust: newBundle })
    expect(await greet(dial(server.address, renewed))).toBe(`hello ${NORTH_ID}`)
  })

  test('close lets nobody in and ends what is open', async () => {
    const { server } = await startHello()
    const dialled = dial(server.address, good)
    expect(await greet(dialled)).toBe(`hello ${NORTH_ID}`)
    await server.close(1000)
    expect(await greet(dialled)).toBe('server_unreachable')
  })

  test('a TLS session is never resumed: each connection proves itself anew', async () => {
    const { server } = await startHello()
    const options = { host: '127.0.0.1', port: server.port, ALPNProtocols: ['h2'], ...asPem(good) }
    const connect = async (session?: Buffer) => {
      const resume = session ? { session } : {}
      const socket = connectTls({ ...options, ...resume, checkServerIdentity: () => undefined })
      const sessions: Buffer[] = []
      socket.on('session', (ticket: Buffer) => sessions.push(ticket))
      await once(socket, 'secureConnect')
      await once(socket, 'data')
      const reused = socket.isSessionReused()
      socket.destroy()
      return { reused, ticket: sessions.at(-1) }
    }
    const first = await connect()
    expect((await connect(first.ticket)).reused).toBe(false)
  })

  test('a port in use is told as such', async () => {
    const { server } = await startHello()
    const second = startHello({ port: server.port })
    await expect(second).rejects.toThrow(ConfigError)
    await expect(second).rejects.toMatchObject({ code: 'port_in_use' })
    await expect(startHello({ host: '192.0.2.1' })).rejects.toMatchObject({ code: 'host_not_here' })
  })
})

describe('limits', () => {
  test('sockets that never finish a handshake are few and short-lived; others get through', async () => {
    const { server } = await startHello({ limits: { maxHandshakes: 3, handshakeTimeoutMs: 500 } })
    const idle = Array.from({ length: 10 }, () => connectTcp(server.port, '127.0.0.1').resume())
    const ended = idle.map((socket) =>
      once(
        socket.on('error', () => {}),
        'close',
      ),
    )
    expect(await greet(dial(server.address, good))).toBe(`hello ${NORTH_ID}`)
    await Promise.all(ended)
  })

  test('one workload has a limited number of connections, others are not hurt', async () => {
    const { server } = await startHello({ limits: { maxConnectionsPerPeer: 2 } })
    const answers = [
      await greet(dial(server.address, good)),
      await greet(dial(server.address, good)),
      await greet(dial(server.address, good)),
    ]
    expect(answers).toEqual([`hello ${NORTH_ID}`, `hello ${NORTH_ID}`, 'connection_ended'])
    expect(await greet(dial(server.address, identityOf('spiffe://a.example/y')))).toBe('hello spiffe://a.example/y')
  })

  test('a message over 2 MiB and 64 KiB is refused', async () => {
    const { server } = await startHello()
    const { channel } = dial(server.address, good)
    const client = new Client(channel.target, channel.credentials, {
      ...channel.options,
      'grpc.max_send_message_length': -1,
    })
    const send = (length: number) =>
      new Promise<number>((resolve) =>
        client.makeUnaryRequest(
          '/test.Hello/Greet',
          (b: Buffer) => b,
          (b) => b,
          Buffer.alloc(length),
          (error) => resolve(error?.code ?? 0),
        ),
      )
    expect(await send(2 * 1024 * 1024)).toBe(0)
    expect(await send(2 * 1024 * 1024 + 65 * 1024)).toBe(8)
    client.close()
  })
})

test('a server that cannot present its own chain does not start', async () => {
  const identity = { ...identityOf(SERVER_ID), privateKey: good.privateKey }
  const request = {
    host: '127.0.0.1',
    port: 0,
    authorise: () => ({ ok: true }) as const,
    services: [],
    log: { info() {}, warn() {} },
  }
  await expect(startMtlsServer({ ...request, identity: handIdentity(identity) })).rejects.toThrow()
})

function asPem(identity: ReturnType<typeof identityOf>): { key: string; cert: string; ca: string } {
  const key = identity.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { key, cert: certificatesToPem(identity.chain), ca: certificatesToPem(bundle.authorities) }
}
