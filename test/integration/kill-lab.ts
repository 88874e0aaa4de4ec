/**
 * Four sites as real agent processes before a real coordinator whose traffic is seen. One of them, the victim, runs with a
 * drill, is killed without a word at its point, and is started again while the coordinator still waits for it.
 */
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeExport } from '../../bin/export-folder.ts'
import { decodeModel } from '../../shared/onnx/decode.ts'
import { denseClassifier } from '../../shared/onnx/model-writer.ts'
import { extractParameters } from '../../shared/onnx/parameters.ts'
import type { Plan } from '../../shared/plan/plan.ts'
import { connectOperator, startLab } from '../coordinator/integration/lab.ts'
import { makePlan, type PlanChanges, planDocumentOf } from '../coordinator/integration/plans.ts'
import { makeTrustDomain, SITES } from '../coordinator/integration/trust-domain.ts'
import { AgentProcess } from './agent-process.ts'
import { type JournalOnDisk, readJournal } from './journal-on-disk.ts'
import { Traffic } from './traffic.ts'

export const FOUR = SITES.slice(0, 4)
export const VICTIM = FOUR[1] ?? ''
export const OTHERS = FOUR.filter((site) => site !== VICTIM)

export interface RunEvent {
  readonly kind: string
  readonly body: Record<string, unknown>
}

/** A submitted run: its plan, and the parameters it began from. */
export interface LabRun {
  readonly plan: Plan
  readonly initial: Float32Array
}

let models = 0

export class KillLab {
  readonly traffic: Traffic
  readonly #domain: Awaited<ReturnType<typeof makeTrustDomain>>
  readonly #coordinator: Awaited<ReturnType<typeof startLab>>
  readonly #operator: ReturnType<typeof connectOperator>
  readonly #processes: AgentProcess[] = []
  readonly #stopListening: () => void

  private constructor(parts: {
    readonly domain: Awaited<ReturnType<typeof makeTrustDomain>>
    readonly coordinator: Awaited<ReturnType<typeof startLab>>
    readonly traffic: Traffic
    readonly stopListening: () => void
  }) {
    this.traffic = parts.traffic
    this.#domain = parts.domain
    this.#coordinator = parts.coordinator
    this.#stopListening = parts.stopListening
    this.#operator = connectOperator(parts.domain, parts.coordinator.operatorsAddress)
  }

  /** With every site but the victim running. */
  static async open(): Promise<KillLab> {
    const traffic = new Traffic()
    const stopListening = traffic.listen()
    const domain = await makeTrustDomain()
    const coordinator = await startLab(domain)
    const lab = new KillLab({ domain, coordinator, traffic, stopListening })
    await Promise.all(OTHERS.map((site) => lab.start(site)))
    return lab
  }

  get operator() {
    return this.#operator.operator
  }

  /** Resolves when the agent attends. One that a test before left running ends first: it has the data folder. */
  async start(spiffeId: string, drill?: string): Promise<AgentProcess> {
    await Promise.all(
      this.#processes.filter((agent) => agent.spiffeId === spiffeId).map((agent) => agent.end('SIGKILL')),
    )
    const agent = new AgentProcess(this.#domain, { spiffeId, address: this.#coordinator.participantsAddress }, drill)
    this.#processes.push(agent)
    await agent.until('attending')
    return agent
  }

  /**
   * Submits a run on a model of its own, so that the fixed vectors of another run are not its. The coordinator waits long
   * for whoever is away: it has to withdraw to be let go.
   */
  async submit(name: string, changes: PlanChanges & { readonly hidden?: number } = {}): Promise<LabRun> {
    models += 1
    const layers = [4, ...(changes.hidden === undefined ? [3 + models] : [changes.hidden, changes.hidden]), 2]
    const model = denseClassifier({ layers, activation: 'relu', seed: models })
    const timing = { stageDeadlineMs: 50_000, trainDeadlineMs: 50_000, joinGraceMs: 45_000, ...changes.timing }
    const participants = { enrolled: FOUR, ...changes.participants }
    const plan = makePlan({ ...changes, name, participants, timing }, model)
    await this.#operator.submit(planDocumentOf(plan), model)
    return { plan, initial: extractParameters(decodeModel(model), []).values }
  }

  /** The events of a run from its beginning, up to the first of kind `last`, or all of them. */
  async events(run: string, last?: string): Promise<readonly RunEvent[]> {
    const seen: RunEvent[] = []
    for await (const { kind, body } of this.operator.watch(run, 0)) {
      seen.push({ kind, body: JSON.parse(body) })
      if (kind === last) break
    }
    return seen
  }

  journalOf(spiffeId: string): JournalOnDisk {
    return readJournal(this.#dataFolderOf(spiffeId))
  }

  /** Whether the site's disk has a trained update that its agent has not masked, or did not come to erase. */
  keepsUpdate(spiffeId: string): boolean {
    return existsSync(join(this.#dataFolderOf(spiffeId), 'update.kept'))
  }

  #dataFolderOf(spiffeId: string): string {
    return join(this.#domain.folder, 'agents', spiffeId.split('/').at(-1) ?? '', 'data')
  }

  async parametersOf(run: string, version: number): Promise<Float32Array> {
    const out = join(mkdtempSync(join(this.#domain.folder, 'export-')), 'out')
    await writeExport(out, this.operator.exportVersion(run, String(version)))
    return extractParameters(decodeModel(new Uint8Array(readFileSync(join(out, 'model/model.onnx')))), []).values
  }

  async close(): Promise<void> {
    this.#operator.close()
    await Promise.all(this.#processes.map((agent) => agent.end('SIGKILL')))
    await this.#coordinator.close()
    await this.#domain.remove()
    this.#stopListening()
  }
}
