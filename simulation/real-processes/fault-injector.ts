/**
 * Carries the drawn faults out: each strikes when the stage it was drawn for is first seen in its round, lasts, and is lifted.
 * An agent that an earlier fault still has is spared.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { StageName } from '../../coordinator/registry/run-events.ts'
import type { Agent } from './agent.ts'
import type { PlannedFault } from './process-faults.ts'
import type { ProxyLines } from './proxy-lines.ts'

/** A fault as it went; times are null for what did not come to pass. */
export interface Fault extends PlannedFault {
  struckAtMs: number | null
  /** When it was lifted, or the agent started again. */
  liftedAtMs: number | null
  /** When the agent had a line to the coordinator again. */
  recoveredAtMs: number | null
}

export interface FaultTools {
  readonly agents: readonly Agent[]
  readonly proxy: ProxyLines
  readonly tell: (line: string) => void
  /** A fault that could not be carried out ends the simulation. */
  readonly fail: (error: Error) => void
}

export class FaultInjector {
  readonly faults: readonly Fault[]
  readonly #tools: FaultTools
  readonly #seen = new Set<string>()
  readonly #hit = new Set<number>()
  readonly #underWay = new Set<Promise<void>>()
  readonly #ending = new AbortController()

  constructor(planned: readonly PlannedFault[], tools: FaultTools) {
    this.faults = planned.map((fault) => ({ ...fault, struckAtMs: null, liftedAtMs: null, recoveredAtMs: null }))
    this.#tools = tools
  }

  /** A stage of a round goes on. */
  see(round: number, stage: StageName): void {
    const key = `${round} ${stage}`
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    for (const fault of this.faults) {
      if (fault.round !== round || fault.stage !== stage) continue
      const going = this.#carryOut(fault).catch(this.#tools.fail)
      this.#underWay.add(going)
      void going.finally(() => this.#underWay.delete(going))
    }
  }

  /** Begins no more, lifts what lasts, and resolves when everybody is back. */
  async end(): Promise<void> {
    this.#ending.abort()
    await Promise.all(this.#underWay)
  }

  async #carryOut(fault: Fault): Promise<void> {
    const agent = this.#tools.agents[fault.place]
    await this.#wait(fault.afterMs)
    if (agent === undefined || this.#ending.signal.aborted || this.#hit.has(fault.place)) return
    this.#hit.add(fault.place)
    fault.struckAtMs = Date.now()
    const { kind, stage, round, forMs } = fault
    this.#tools.tell(`  ✂ ${agent.name}: ${kind} for ${(forMs / 1000).toFixed(1)} s (round ${round}, ${stage})`)
    await this.#strike(fault, agent)
    fault.liftedAtMs = Date.now()
    const needsLine = kind === 'kill' || kind === 'cut'
    fault.recoveredAtMs = needsLine ? await agent.attending(fault.struckAtMs) : fault.liftedAtMs
    this.#tools.tell(`  ↻ ${agent.name}: back after ${kind}`)
    this.#hit.delete(fault.place)
  }

  async #strike({ kind, place, forMs }: Fault, agent: Agent): Promise<void> {
    const { proxy } = this.#tools
    if (kind === 'kill') {
      await agent.kill()
      await this.#wait(forMs)
      agent.start()
    } else if (kind === 'pause') {
      const { pid } = agent
      await proxy.pause(pid)
      await this.#wait(forMs)
      await proxy.continue(pid)
    } else {
      await proxy.set(place, kind)
      await this.#wait(forMs)
      await proxy.set(place, 'restore')
    }
  }

  /** Shorter when the run has ended. */
  async #wait(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#ending.signal }).catch(() => {})
  }
}
