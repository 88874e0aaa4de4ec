/** A coordinator process on fixed ports, so that it can be killed and started again under its agents. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { stringify } from 'yaml'
import { COORDINATOR_ID, OPERATOR_ID, type TrustDomainFolder } from './trust-domain.ts'

export interface LogLine {
  readonly level: string
  readonly msg: string
  readonly [field: string]: unknown
}

export interface CoordinatorProcess {
  readonly pid: number | undefined
  /** Its log so far. */
  readonly lines: readonly LogLine[]
  /** The first line whose message begins like this; rejects when the process ends without it. */
  until(msg: string): Promise<LogLine>
  /** Sends the signal and waits for the end; the exit code, null when killed. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>
}

export interface ProcessConfig {
  readonly file: string
  readonly participants: string
  readonly operators: string
}

/** Writes coordinator.yaml with two free ports. */
export async function writeConfig(domain: TrustDomainFolder, changes: object = {}): Promise<ProcessConfig> {
  const [participants, operators] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`]
  const file = join(domain.folder, 'coordinator.yaml')
  const config = {
    dataFolder: './coordinator',
    identity: domain.filesOf(COORDINATOR_ID),
    participants: { listen: participants },
    operators: { listen: operators, allow: [OPERATOR_ID] },
    provenance: { key: 'signing.pem' },
    limits: { drainMs: 5000 },
    ...changes,
  }
  writeFileSync(file, stringify(config))
  return { file, participants, operators }
}

/** Starts the process and waits until it listens; rejects with what it said when it ends instead. */
export async function startProcess(configFile: string, drill?: string): Promise<CoordinatorProcess> {
  const child = spawnCoordinator(configFile, drill)
  const closed = once(child, 'close')
  const lines: LogLine[] = []
  const waiting = new Set<() => void>()
  const lookAll = () => {
    for (const look of [...waiting]) look()
  }
  let said = ''
  child.stderr?.on('data', (text) => {
    said += text
  })
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(JSON.parse(line))
      lookAll()
    })
  }
  void closed.then(lookAll)
  const until = (msg: string) =>
    new Promise<LogLine>((resolve, reject) => {
      const look = () => {
        const found = lines.find((line) => line.msg.startsWith(msg))
        const isOver = child.exitCode !== null || child.signalCode !== null
        if (found === undefined && !isOver) return
        waiting.delete(look)
        if (found !== undefined) resolve(found)
        else reject(new Error(`ended with ${child.exitCode} before it said ${msg}: ${said}`))
      }
      waiting.add(look)
      look()
    })
  await until('listening')
  return {
    pid: child.pid,
    lines,
    until,
    end: async (signal) => {
      child.kill(signal)
      const [code] = await closed
      return code
    },
  }
}

/** Runs a coordinator that is expected to refuse to start: its exit code and what it said. */
export async function refusedStart(configFile: string): Promise<{ readonly code: number; readonly said: string }> {
  const child = spawnCoordinator(configFile)
  let said = ''
  child.stderr?.on('data', (text) => {
    said += text
  })
  const [code] = await once(child, 'close')
  return { code, said }
}

function spawnCoordinator(configFile: string, drill?: string): ChildProcess {
  const entry = new URL('./coordinator-child.ts', import.meta.url).pathname
  return spawn(process.execPath, [entry, configFile, ...(drill === undefined ? [] : [drill])])
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
