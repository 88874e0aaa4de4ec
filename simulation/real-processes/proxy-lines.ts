/** The harness's side of the proxy process: requests as promises. */

import { fileURLToPath } from 'node:url'
import { siblingModule } from '../../shared/runtime/sibling-module.ts'
import type { Processes, RunningProcess } from './processes.ts'
import type { LineBytes, Target } from './proxy-line.ts'
import type { NumberedAnswer, ProxyAnswer, ProxyRequest } from './proxy-messages.ts'
import { SimulationFailed } from './simulation-failed.ts'

export class ProxyLines {
  readonly process: RunningProcess
  readonly #waiting = new Map<number, (answer: ProxyAnswer) => void>()
  #asked = 0

  constructor(processes: Processes, folder: string) {
    this.process = processes.start({
      name: 'proxy',
      folder,
      args: [fileURLToPath(siblingModule(import.meta.url, 'proxy-process'))],
      onMessage: (message) => {
        // Safety: both ends are ours, of one version.
        const { number, ...answer } = message as NumberedAnswer
        this.#waiting.get(number)?.(answer)
        this.#waiting.delete(number)
      },
    })
  }

  /** Gives the ports of so many lines. */
  async open(lines: number, target: Target): Promise<readonly number[]> {
    return (await this.#ask({ kind: 'open', lines, target })).ports
  }

  async set(line: number, what: 'cut' | 'stall' | 'restore'): Promise<void> {
    await this.#ask({ kind: what, line })
  }

  /** Rejects when there is no such process. */
  async pause(pid: number): Promise<void> {
    await this.#ask({ kind: 'pause', pid })
  }

  async continue(pid: number): Promise<void> {
    await this.#ask({ kind: 'continue', pid })
  }

  /** Bytes of every line so far. */
  async count(): Promise<readonly LineBytes[]> {
    return (await this.#ask({ kind: 'count' })).bytes
  }

  async #ask(request: ProxyRequest): Promise<ProxyAnswer> {
    this.#asked += 1
    const number = this.#asked
    const answer = await new Promise<ProxyAnswer>((resolve) => {
      this.#waiting.set(number, resolve)
      this.process.send({ ...request, number })
    })
    if (answer.problem !== null) throw new SimulationFailed(`the proxy could not ${request.kind}: ${answer.problem}`)
    return answer
  }
}
