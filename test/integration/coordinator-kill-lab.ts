/**
 * A real coordinator process before four real agents. It runs with a drill, is killed without a word at its point, and is
 * started again on the same folder; what is on disk in between can be read.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openExportFolder } from '../../bin/commands/verify-folder.ts'
import { writeExport } from '../../bin/export-folder.ts'
import { decodeModel } from '../../shared/onnx/decode.ts'
import { extractParameters } from '../../shared/onnx/parameters.ts'
import { parseProvenanceKey } from '../../shared/provenance/verify/public-key.ts'
import { verifyVersion } from '../../shared/provenance/verify/verify-version.ts'
import { readTrustBundle } from '../../shared/transport/load-identity.ts'
import {
  type CoordinatorProcess,
  type ProcessConfig,
  startProcess,
  writeConfig,
} from '../coordinator/integration/coordinator-process.ts'
import { connectOperator, type LabAgent, type LabOperator, startAgent } from '../coordinator/integration/lab.ts'
import {
  makeTrustDomain,
  SITES,
  TRUST_DOMAIN,
  type TrustDomainFolder,
} from '../coordinator/integration/trust-domain.ts'

export const FOUR = SITES.slice(0, 4)

export interface RunEvent {
  readonly kind: string
  readonly body: Record<string, unknown>
}

/** Every row of these tables, from a copy of the store. */
export interface StoreOnDisk {
  readonly attempts: readonly Record<string, unknown>[]
  readonly live: readonly Record<string, unknown>[]
  readonly facts: readonly Record<string, unknown>[]
  readonly blocks: readonly Record<string, unknown>[]
  readonly versions: readonly Record<string, unknown>[]
  /** All bytes of the database and its write-ahead log. */
  readonly bytes: Buffer
}

export class CoordinatorKillLab {
  readonly agents: LabAgent[]
  /** Waited for by the first agent before it uploads. */
  beforeUpload: () => Promise<void> = async () => {}
  readonly #domain: TrustDomainFolder
  readonly #config: ProcessConfig
  #coordinator: CoordinatorProcess | null = null

  private constructor(domain: TrustDomainFolder, config: ProcessConfig) {
    this.#domain = domain
    this.#config = config
    this.agents = FOUR.map((spiffeId) => this.#startAgent(spiffeId))
  }

  /** The agents run, the coordinator does not. The sum of masked inputs is written down with each of them. */
  static async open(): Promise<CoordinatorKillLab> {
    const domain = await makeTrustDomain()
    return new CoordinatorKillLab(domain, await writeConfig(domain, { limits: { drainMs: 0, checkpointBytes: 1 } }))
  }

  #startAgent(spiffeId: string): LabAgent {
    const { participants: address } = this.#config
    const reach = async (point: string) => {
      if (spiffeId === FOUR[0] && point === 'hold-before-upload') await this.beforeUpload()
    }
    return startAgent(this.#domain, { spiffeId, address, drill: { reach } })
  }

  /** The first agent stops in good order and is started again by {@link returnFirst}. */
  async stopFirst(): Promise<void> {
    await this.agents[0]?.stop()
  }

  returnFirst(): void {
    this.agents[0] = this.#startAgent(FOUR[0] ?? '')
  }

  get coordinator(): CoordinatorProcess {
    if (this.#coordinator === null) throw new Error('the coordinator runs')
    return this.#coordinator
  }

  async start(drill?: string): Promise<CoordinatorProcess> {
    this.#coordinator = await startProcess(this.#config.file, drill)
    return this.#coordinator
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    const code = await this.#coordinator?.end(signal)
    this.#coordinator = null
    return code ?? null
  }

  /** With an operator's connection to the coordinator that runs now. */
  async operate<T>(act: (lab: LabOperator) => Promise<T>): Promise<T> {
    const lab = connectOperator(this.#domain, this.#config.operators)
    try {
      return await act(lab)
    } finally {
      lab.close()
    }
  }

  /** The events of a run from its beginning until it ends or one of kind `last` comes. */
  events(run: string, last?: string): Promise<readonly RunEvent[]> {
    return this.operate(async ({ operator }) => {
      const seen: RunEvent[] = []
      for await (const { kind, body } of operator.watch(run, 0)) {
        seen.push({ kind, body: JSON.parse(body) })
        if (kind === last) break
      }
      return seen
    })
  }

  /** The parameters of a version, once its export has passed verification. */
  verifiedParameters(run: string, version: number): Promise<Float32Array> {
    return this.operate(async ({ operator }) => {
      const out = join(mkdtempSync(join(this.#domain.folder, 'export-')), 'out')
      await writeExport(out, operator.exportVersion(run, String(version)))
      const key = parseProvenanceKey(readFileSync(join(this.#domain.folder, 'signing.pub.pem'), 'utf8'))
      const trustBundle = readTrustBundle(this.#domain.filesOf(FOUR[0] ?? '').trustBundle, TRUST_DOMAIN)
      const report = verifyVersion(openExportFolder(out), { key, trustBundle, receiptsWaived: false })
      if (!report.ok) throw new Error(`the export does not verify: ${JSON.stringify(report.firstBroken)}`)
      return extractParameters(decodeModel(new Uint8Array(readFileSync(join(out, 'model/model.onnx')))), []).values
    })
  }

  /** Names of files in the spool folder. */
  spoolFiles(): readonly string[] {
    return readdirSync(join(this.#domain.folder, 'coordinator', 'spool'))
  }

  /** Digests of the blobs on disk. */
  blobs(): readonly string[] {
    const folder = join(this.#domain.folder, 'coordinator', 'blobs')
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => statSync(join(folder, name)).isFile())
      .map((name) => name.split('/').at(-1) ?? '')
  }

  readStore(): StoreOnDisk {
    const copy = mkdtempSync(join(tmpdir(), 'store-copy-'))
    try {
      const folder = join(this.#domain.folder, 'coordinator')
      const files = readdirSync(folder).filter((name) => name.startsWith('coordinator.sqlite'))
      for (const name of files) cpSync(join(folder, name), join(copy, name))
      const bytes = Buffer.concat(files.map((name) => readFileSync(join(copy, name))))
      const database = new DatabaseSync(join(copy, 'coordinator.sqlite'))
      const rows = (table: string) => database.prepare(`SELECT * FROM ${table}`).all()
      const store = {
        attempts: rows('session_attempt'),
        live: rows('live_session'),
        facts: rows('session_fact'),
        blocks: rows('upload_block'),
        versions: rows('version'),
        bytes,
      }
      database.close()
      return store
    } finally {
      rmSync(copy, { recursive: true })
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.agents.map((agent) => agent.stop()))
    await this.end('SIGKILL')
    await this.#domain.remove()
  }
}
