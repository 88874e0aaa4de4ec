/** The proxy's line between an agent and the coordinator, with real sockets: passes, counts, cuts, stalls and restores. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ProxyLine } from '../../simulation/real-processes/proxy-line.ts'

/** Answers every byte with two. */
let server: Server
let arrived: Socket[] = []
let line: ProxyLine
const dialled: Socket[] = []

beforeEach(async () => {
  arrived = []
  server = createServer((socket) => {
    arrived.push(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => socket.write(Buffer.concat([bytes, bytes])))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  line = await ProxyLine.open({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
})

afterEach(() => {
  for (const socket of [...dialled.splice(0), ...arrived]) socket.destroy()
  line.close()
  server.close()
})

interface Dialled {
  readonly socket: Socket
  /** All that came back so far. */
  text(): string
  /** Resolves when the connection is gone, with the error it ended with. */
  readonly gone: Promise<string | null>
}

function dial(): Dialled {
  const socket = connect(line.port, '127.0.0.1')
  dialled.push(socket)
  let text = ''
  let problem: string | null = null
  socket.on('data', (bytes) => {
    text += bytes.toString()
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    problem = error.code ?? error.message
  })
  const gone = new Promise<string | null>((resolve) => socket.once('close', () => resolve(problem)))
  return { socket, text: () => text, gone }
}

/** Sends and waits for the answer. */
async function exchange(agent: Dialled, text: string): Promise<void> {
  const before = agent.text().length
  agent.socket.write(text)
  await vi.waitFor(() => expect(agent.text()).toHaveLength(before + 2 * text.length))
}

test('what is sent arrives, and both directions are counted', async () => {
  const [one, two] = [dial(), dial()]
  await exchange(one, 'abc')
  await exchange(two, 'de')
  expect(one.text()).toBe('abcabc')
  expect(line.bytes).toEqual({ up: 5, down: 10 })
  expect(line.connections).toBe(2)
})

test('more than the sockets take waits for its reader, and nothing is lost', async () => {
  const agent = dial()
  agent.socket.pause()
  const piece = Buffer.alloc(1 << 20, 'x')
  for (let sent = 0; sent < 16; sent += 1) agent.socket.write(piece)
  await vi.waitFor(() => expect(line.bytes.up).toBeGreaterThan(0))
  agent.socket.resume()
  await vi.waitFor(() => expect(line.bytes).toEqual({ up: 16 << 20, down: 32 << 20 }), 20_000)
  await vi.waitFor(() => expect(agent.text()).toHaveLength(32 << 20), 20_000)
})

test('an end passes, and so does an abrupt one', async () => {
  const polite = dial()
  await exchange(polite, 'a')
  polite.socket.end()
  await expect(polite.gone).resolves.toBeNull()
  const abrupt = dial()
  await exchange(abrupt, 'b')
  const other = arrived.at(-1)
  const ended = new Promise((resolve) => other?.once('close', resolve))
  abrupt.socket.resetAndDestroy()
  await ended
  await vi.waitFor(() => expect(line.connections).toBe(0))
})

test('a cut resets what is open and refuses what is new, until it is restored', async () => {
  const before = dial()
  await exchange(before, 'abc')
  const server = arrived[0]
  const serverSaw = new Promise((resolve) => server?.once('close', resolve))
  line.cut()
  await expect(before.gone).resolves.toBe('ECONNRESET')
  await serverSaw
  const during = dial()
  await during.gone
  expect(arrived).toHaveLength(1)
  expect(line.connections).toBe(0)
  line.restore()
  const after = dial()
  await exchange(after, 'def')
  expect(line.bytes).toEqual({ up: 6, down: 12 })
})

test('a stall keeps the sockets and passes nothing, until it is restored', async () => {
  const open = dial()
  await exchange(open, 'abc')
  line.stall()
  open.socket.write('def')
  const late = dial()
  late.socket.write('ghi')
  await vi.waitFor(() => expect(line.connections).toBe(2))
  // A line of its own passes meanwhile: what is stalled had the time to arrive, had it been passed on.
  const other = await ProxyLine.open({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  const beside = connect(other.port, '127.0.0.1')
  dialled.push(beside)
  beside.on('error', () => {})
  beside.write('x')
  await once(beside, 'data')
  other.close()
  expect([open.text(), late.text()]).toEqual(['abcabc', ''])
  expect(open.socket.destroyed).toBe(false)
  expect(line.bytes).toEqual({ up: 3, down: 6 })
  line.restore()
  await vi.waitFor(() => expect([open.text(), late.text()]).toEqual(['abcabcdefdef', 'ghighi']))
})

test('one that gave up while the line was stalled is not passed on later', async () => {
  line.stall()
  const agent = dial()
  await vi.waitFor(() => expect(line.connections).toBe(1))
  agent.socket.resetAndDestroy()
  await agent.gone
  line.restore()
  const next = dial()
  await exchange(next, 'a')
  await vi.waitFor(() => expect(line.connections).toBe(1))
})
