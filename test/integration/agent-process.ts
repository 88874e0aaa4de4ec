/** A participant agent as a process of its own, with its own folder and config file, whose log a test can wait for. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { COORDINATOR_ID, OPERATOR_ID, type TrustDomainFolder } from '../coordinator/integration/trust-domain.ts'

export interface LogLine {
  readonly level: string
  readonly msg: string
  readonly [field: string]: unknown
}

const ENTRY = fileURLToPath(new URL('./fixed-vector-agent.ts', import.meta.url))

export class AgentProcess {
  readonly spiffeId: string
  readonly lines: LogLine[] = []
  readonly #child: ChildProcess
  readonly #waiting = new Set<() => void>()
  #errors = ''

  constructor(
    domain: TrustDomainFolder,
    agent: { spiffeId: string; address: string; policy?: object },
    drill?: string,
  ) {
    this.spiffeId = agent.spiffeId
    const folder = join(domain.folder, 'agents', agent.spiffeId.split('/').at(-1) ?? '')
    mkdirSync(folder, { recursive: true })
    const configPath = join(folder, 'participant.yaml')
    // JSON is YAML.
    const config = {
      dataFolder: './data',
      identity: domain.filesOf(agent.spiffeId),
      coordinator: { address: agent.address, spiffeId: COORDINATOR_ID },
      data: { default: { format: 'npy', features: 'none.npy', labels: 'none.npy' } },
      policy: 'policy.yaml',
    }
    writeFileSync(configPath, JSON.stringify(config))
    writeFileSync(join(folder, 'policy.yaml'), JSON.stringify({ planAuthors: [OPERATOR_ID], ...agent.policy }))
    const args = [ENTRY, configPath, ...(drill === undefined ? [] : [drill])]
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text
    })
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.lines.push(JSON.parse(line))
      for (const look of [...this.#waiting]) look()
    })
    this.#child.once('close', () => {
      for (const look of [...this.#waiting]) look()
    })
  }

  /** Resolves with the first line with this message (and round); rejects when the process ends without it. */
  until(msg: string, round?: number): Promise<LogLine> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.lines.find((line) => line.msg === msg && (round === undefined || line.round === round))
        const isOver = this.#child.exitCode !== null || this.#child.signalCode !== null
        if (found === undefined && !isOver) return
        this.#waiting.delete(look)
        if (found !== undefined) resolve(found)
        else reject(new Error(`the agent ended before it said ${msg}: ${this.#errors}`))
      }
      this.#waiting.add(look)
      look()
    })
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode
    const closed = once(this.#child, 'close')
    this.#child.kill(signal)
    await closed
    return this.#child.exitCode
  }
}
