/**
 * Which version is the best one, by the plan's rule over securely summed metrics. A version is judged by a session that
 * trains from it, so the newest is usually not judged yet.
 */
import type { Plan } from '../../shared/plan/plan.ts'
import type { RoundMetrics } from './run-events.ts'

export interface JudgedVersion {
  readonly version: number
  /** `null` until a session has judged it. */
  readonly evaluation: RoundMetrics | null
}

/** The best judged version, the earliest of equals; the newest when none has been judged. */
export function bestVersion(versions: readonly JudgedVersion[], rule: Plan['best']): number {
  let best: { version: number; score: number } | null = null
  for (const { version, evaluation } of versions) {
    const value = rule === 'lowest-eval-loss' ? evaluation?.evalLoss : evaluation?.evalAccuracy
    if (value === undefined) continue
    const score = rule === 'lowest-eval-loss' ? -value : value
    if (best === null || score > best.score) best = { version, score }
  }
  return best?.version ?? versions.reduce((newest, { version }) => Math.max(newest, version), 0)
}
