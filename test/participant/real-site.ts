/**
 * A site with real files, whose agent is a process that a test kills and starts again, before a coordinator that a test
 * scripts: it asks for one round, and keeps what it is told.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { writeNpy } from '../../participant/data/npy.ts'
import { encodeHex, sha256 } from '../../shared/crypto/digest.ts'
import { certificatesToPem } from '../../shared/identity/pem.ts'
import { encodeTrustBundle } from '../../shared/identity/trust-bundle.ts'
import type { Plan } from '../../shared/plan/plan.ts'
import { encodePlan, planDigest } from '../../shared/plan/plan-document.ts'
import { signPlan } from '../../shared/plan/plan-signature.ts'
import type { Instruction, ReadyReport } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { planSignatureToWire } from '../../shared/wire/plan-signature.ts'
import { bundle, identityOf, NORTH_ID, SERVER_ID } from '../shared/transport/hello.ts'
import { AUTHOR_ID } from './agent-lab.ts'
import { type LogLine, logLines } from './log-lines.ts'
import { modelBytes } from './plans.ts'
import { type AttendCall, startScripted } from './scripted-coordinator.ts'

const ENTRY = fileURLToPath(new URL('./real-agent-process.ts', import.meta.url))
const EXAMPLES = 400

/** One life of the agent. */
export class Life {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #output = logLines()
  #errors = ''

  constructor(configPath: string) {
    this.#child = spawn(process.execPath, [ENTRY, configPath], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.pid = this.#child.pid ?? 0
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text
    })
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#output.write(line))
  }

  lines(): readonly LogLine[] {
    return this.#output.lines()
  }

  has(msg: string): boolean {
    return this.lines().some((line) => line.msg === msg)
  }

  /** The first line with this message, past or future; rejects when the process ends without it. */
  async until(msg: string): Promise<LogLine> {
    const ended = once(this.#child, 'close').then(() => {
      const found = this.lines().find((line) => line.msg === msg)
      if (found === undefined) throw new Error(`the agent ended before it said ${msg}: ${this.#errors}`)
      return found
    })
    ended.catch(() => {})
    return Promise.race([this.#output.until((line) => line.msg === msg), ended])
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const closed = once(this.#child, 'close')
    this.#child.kill(signal)
    await closed
  }
}

/** `dataFolder` may be one that the test made. */
export async function openSite(plan: Plan, given: { readonly dataFolder?: string } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'site-'))
  const inFolder = (name: string) => join(folder, name)
  const document = encodePlan(plan)
  const blobs = new Map([document, modelBytes].map((bytes) => [encodeHex(sha256(bytes)), bytes]))
  const signature = planSignatureToWire(signPlan(planDigest(document), identityOf(AUTHOR_ID), Date.now()))
  const reports: ReadyReport[] = []
  const withdrawn: string[] = []
  const advertised: string[] = []
  let stream: AttendCall | null = null
  const digests = { planDigest: planDigest(document), modelDigest: sha256(modelBytes), version: 0 }
  const prepare = (attempt: number): Instruction => ({
    runId: 'run',
    round: 1,
    sessionId: new Uint8Array(0),
    step: { $case: 'prepare', value: { ...digests, attempt } },
  })
  let standing = prepare(1)
  const server = await startScripted({
    attend: (call) => {
      stream = call
      call.write(standing)
    },
    calls: {
      download: (call) => {
        const data = blobs.get(encodeHex(call.request.digest))
        const planSignature = data === document ? signature : undefined
        if (data !== undefined) call.write({ totalBytes: data.length, data, planSignature })
        call.end()
      },
      reportReady: (call, reply) => {
        reports.push(call.request)
        reply(null, { repeated: false })
      },
      advertiseKeys: (call, reply) => {
        advertised.push(encodeHex(call.request.sessionId))
        reply(null, { repeated: false })
      },
      withdraw: (call, reply) => {
        withdrawn.push(call.request.code)
        reply(null, { repeated: false })
      },
    },
  })
  const own = identityOf(NORTH_ID)
  writeFileSync(inFolder('svid.pem'), certificatesToPem(own.chain))
  writeFileSync(inFolder('svid.key'), own.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  writeFileSync(inFolder('bundle.json'), encodeTrustBundle(bundle))
  const features = Float32Array.from({ length: EXAMPLES * 4 }, (_, place) => Math.sin(place))
  const labels = BigInt64Array.from({ length: EXAMPLES }, (_, place) => BigInt(place % 2))
  writeFileSync(inFolder('x.npy'), writeNpy({ shape: [EXAMPLES, 4], data: features }))
  writeFileSync(inFolder('y.npy'), writeNpy({ shape: [EXAMPLES], data: labels }))
  writeFileSync(inFolder('policy.yaml'), JSON.stringify({ planAuthors: [AUTHOR_ID] }))
  const { dataFolder = inFolder('data') } = given
  mkdirSync(dataFolder, { recursive: true })
  const config = {
    dataFolder,
    identity: { certificate: 'svid.pem', privateKey: 'svid.key', trustBundle: 'bundle.json' },
    coordinator: { address: server.address, spiffeId: SERVER_ID },
    data: { default: { format: 'npy', features: 'x.npy', labels: 'y.npy' } },
    policy: 'policy.yaml',
    training: { checkpointSeconds: 1 },
    log: { level: 'debug' },
  }
  writeFileSync(inFolder('participant.yaml'), JSON.stringify(config))
  const lives: Life[] = []
  return {
    dataFolder,
    reports,
    withdrawn,
    /** Sessions that keys were advertised in, hex. */
    advertised,
    tell: (instruction: Instruction) => {
      standing = instruction
      stream?.write(instruction)
    },
    prepare: (attempt: number) => {
      standing = prepare(attempt)
      stream?.write(standing)
    },
    session: (sessionId: Uint8Array): Instruction => ({
      runId: 'run',
      round: 1,
      sessionId,
      step: { $case: 'advertiseKeys', value: digests },
    }),
    start: () => {
      const life = new Life(inFolder('participant.yaml'))
      lives.push(life)
      return life
    },
    close: async () => {
      for (const life of lives) await life.kill()
      await server.close()
      rmSync(folder, { recursive: true })
    },
  }
}
