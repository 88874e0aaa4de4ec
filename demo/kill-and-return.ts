/**
 * The demo's accident: one agent is killed after it has shared its keys and before it uploads, and started again two
 * rounds later. It holds at just that point because it runs with a drill; SIGKILL leaves it no word of farewell.
 */
import type { RunEventBody } from '../coordinator/registry/run-events.ts'
import type { DemoProcess } from './processes.ts'

export interface Accident {
  /** Takes in the run's events: they say when it is time to come back. */
  see(event: RunEventBody): void
  /** Resolves when nothing more will happen. */
  settled(): Promise<void>
}

/** The round of the accident: early, so that there is time to come back. */
export function killRound(rounds: number): number {
  return Math.max(1, Math.min(3, rounds - 3))
}

/** Watches `victim`, which was started with `hold-before-upload@round`; `restart` starts it without. */
export function accident(plan: {
  readonly victim: DemoProcess
  readonly round: number
  readonly holdTimeoutMs: number
  readonly restart: () => void
  readonly tell: (line: string) => void
}): Accident {
  const { victim, round, tell } = plan
  const killing = victim.logged('drill: holding', plan.holdTimeoutMs).then(async () => {
    await victim.killNow()
    tell(
      `  ✂ ${victim.name} killed (SIGKILL) in round ${round}, keys shared, nothing uploaded: its masks must come out`,
    )
  })
  killing.catch(() => {})
  let isBack = false
  return {
    see(event) {
      if (isBack || event.kind !== 'version_published' || event.body.version < round + 1) return
      isBack = true
      plan.restart()
      tell(`  ↻ ${victim.name} started again`)
    },
    settled: () => killing,
  }
}
