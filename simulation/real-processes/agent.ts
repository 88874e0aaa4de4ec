/**
 * One agent as the harness sees it: its process, started as often as it is killed; whether it attends; and which vector it
 * gave last in which round.
 */
import { fileURLToPath } from 'node:url'
import { siblingModule } from '../../shared/runtime/sibling-module.ts'
import type { Trained } from './agent-process.ts'
import type { DrawnVector } from './fixed-vectors.ts'
import { drawVector } from './fixed-vectors.ts'
import { agentName, type ProcessPlan } from './process-plan.ts'
import type { Ending, Processes, RunningProcess } from './processes.ts'

export class Agent {
  readonly place: number
  readonly name: string
  /** How often it was started. */
  starts = 0
  /** The most memory that any of its processes held, where the system tells. */
  peakMemoryBytes: number | null = null
  /** Hears what its log says about a round. */
  onRound: (said: string, round: number) => void = () => {}
  readonly #setup: { readonly processes: Processes; readonly folder: string; readonly plan: ProcessPlan }
  readonly #config: string
  /** The last training of every round: an earlier one of that round was given up or masked in an aborted session. */
  readonly #lastTraining = new Map<number, number>()
  #process: RunningProcess | null = null
  #attendingSinceMs: number | null = null
  readonly #onAttending = new Set<() => void>()

  constructor(
    setup: { readonly processes: Processes; readonly folder: string; readonly plan: ProcessPlan },
    { place, config }: { readonly place: number; readonly config: string },
  ) {
    this.#setup = setup
    this.#config = config
    this.place = place
    this.name = agentName(place)
  }

  get pid(): number {
    return this.#process?.pid ?? 0
  }

  start(): void {
    const { processes, folder, plan } = this.#setup
    const entry = fileURLToPath(siblingModule(import.meta.url, 'agent-process'))
    this.#attendingSinceMs = null
    this.#process = processes.start({
      name: this.name,
      folder,
      args: [entry, this.#config, String(plan.seed), String(this.place), String(this.starts)],
      onJson: ({ msg, round }) => {
        if (msg === 'attending') this.#attends()
        if (typeof round === 'number') this.onRound(String(msg), round)
      },
      onMessage: (message) => {
        // Safety: both ends are ours, of one version.
        const { round, training } = message as Trained
        this.#lastTraining.set(round, training)
      },
    })
    this.starts += 1
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    const running = this.#process
    if (running === null) return
    running.signal('SIGKILL')
    await running.ended
    this.#keepPeak(running)
  }

  /** SIGTERM, and how that ended. */
  async stop(): Promise<Ending> {
    const running = this.#process
    if (running === null) return { code: 0, signal: null }
    const ending = await this.#setup.processes.stop(running)
    this.#keepPeak(running)
    return ending
  }

  /** Resolves with the time at which it attends anew: now if it has since `sinceMs`. */
  attending(sinceMs = 0): Promise<number> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.#attendingSinceMs === null || this.#attendingSinceMs < sinceMs) return
        this.#onAttending.delete(look)
        resolve(this.#attendingSinceMs)
      }
      this.#onAttending.add(look)
      look()
    })
  }

  /** What it put into the sum of a round that counted it; null when it never trained in it. */
  vectorOf(round: number): DrawnVector | null {
    const training = this.#lastTraining.get(round)
    if (training === undefined) return null
    const { seed, lanes } = this.#setup.plan
    return drawVector({ seed, place: this.place, round, training }, lanes)
  }

  #attends(): void {
    this.#attendingSinceMs = Date.now()
    for (const look of [...this.#onAttending]) look()
  }

  #keepPeak({ peakMemoryBytes }: RunningProcess): void {
    if (peakMemoryBytes !== null) this.peakMemoryBytes = Math.max(this.peakMemoryBytes ?? 0, peakMemoryBytes)
  }
}
