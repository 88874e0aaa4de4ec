/**
 * One agent's line to the coordinator: a port of its own on the loopback interface, whose connections are passed on byte by
 * byte. It can be cut (connections reset, new ones refused), stalled (nothing passes in either direction, sockets stay) and
 * restored. It counts the bytes it passes: TLS, HTTP/2 and all, without the headers of TCP.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export type LineState = 'open' | 'cut' | 'stalled'

export interface LineBytes {
  /** From the agent to the coordinator. */
  readonly up: number
  readonly down: number
}

export interface Target {
  readonly host: string
  readonly port: number
}

/** Two sockets that belong together, and which of the two directions waits for its reader. */
interface Pair {
  readonly agent: Socket
  readonly coordinator: Socket
  readonly isWaiting: { up: boolean; down: boolean }
}

export class ProxyLine {
  readonly #target: Target
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  /** Came while the line was stalled: as if their first packet were still on the way. */
  readonly #held = new Set<Socket>()
  readonly #bytes = { up: 0, down: 0 }
  #state: LineState = 'open'

  private constructor(target: Target) {
    this.#target = target
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => this.#take(socket))
  }

  static async open(target: Target): Promise<ProxyLine> {
    const line = new ProxyLine(target)
    line.#server.listen(0, '127.0.0.1')
    await once(line.#server, 'listening')
    return line
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get bytes(): LineBytes {
    return { ...this.#bytes }
  }

  get connections(): number {
    return this.#pairs.size + this.#held.size
  }

  cut(): void {
    this.#state = 'cut'
    this.#reset()
  }

  stall(): void {
    this.#state = 'stalled'
    for (const { agent, coordinator } of this.#pairs) {
      agent.pause()
      coordinator.pause()
    }
  }

  restore(): void {
    this.#state = 'open'
    for (const { agent, coordinator, isWaiting } of this.#pairs) {
      if (!isWaiting.up) agent.resume()
      if (!isWaiting.down) coordinator.resume()
    }
    for (const socket of this.#held) this.#join(socket)
    this.#held.clear()
  }

  close(): void {
    this.#server.close()
    this.#reset()
  }

  #reset(): void {
    for (const socket of this.#held) socket.resetAndDestroy()
    this.#held.clear()
    for (const { agent, coordinator } of this.#pairs) {
      agent.resetAndDestroy()
      coordinator.resetAndDestroy()
    }
    this.#pairs.clear()
  }

  #take(agent: Socket): void {
    agent.on('error', () => {})
    if (this.#state === 'cut') agent.resetAndDestroy()
    else if (this.#state === 'open') this.#join(agent)
    else {
      this.#held.add(agent)
      agent.once('close', () => this.#held.delete(agent))
    }
  }

  #join(agent: Socket): void {
    const coordinator = connect({ ...this.#target, allowHalfOpen: true })
    coordinator.on('error', () => {})
    for (const socket of [agent, coordinator]) socket.setNoDelay(true)
    const pair = { agent, coordinator, isWaiting: { up: false, down: false } }
    this.#pairs.add(pair)
    this.#pass(pair, 'up')
    this.#pass(pair, 'down')
  }

  #pass(pair: Pair, direction: 'up' | 'down'): void {
    const [from, to] = direction === 'up' ? [pair.agent, pair.coordinator] : [pair.coordinator, pair.agent]
    from.on('data', (bytes) => {
      this.#bytes[direction] += bytes.length
      if (to.write(bytes)) return
      pair.isWaiting[direction] = true
      from.pause()
    })
    to.on('drain', () => {
      pair.isWaiting[direction] = false
      if (this.#state === 'open') from.resume()
    })
    from.on('end', () => to.end())
    from.on('close', (hadError) => {
      this.#pairs.delete(pair)
      if (hadError) to.resetAndDestroy()
      else to.end()
    })
    from.resume()
  }
}
