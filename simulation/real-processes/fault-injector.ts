/**
 * Carries the drawn faults out: each strikes when its agent first says that it has come so far in the round, lasts, and is lifted.
 * An agent that an earlier fault still has is spared.
 */
import { setTimeout as delay } from 'node:timers/promises'
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
  readonly #begun = new Set<Fault>()
  readonly #hit = new Set<number>()
  readonly #underWay = new Set<Promise<void>>()
  readonly #ending = new AbortController()

  constructor(planned: readonly PlannedFault[], tools: FaultTools) {
    this.faults = planned.map((fault) => ({ ...fault, struckAtMs: null, liftedAtMs: null, recoveredAtMs: null }))
    this.#tools = tools
  }

  /** An agent's log says this, of this round. */
  hear(place: number, said: string, round: number): void {
    for (const fault of this.faults) {
      if (fault.place !== place || fault.round !== round || fault.moment !== said || this.#begun.has(fault)) continue
      this.#begun.add(fault)
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
    const { kind, moment, round, forMs } = fault
    this.#tools.tell(`  ✂ ${agent.name}: ${kind} for ${(forMs / 1000).toFixed(1)} s (round ${round}, ${moment})`)
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
