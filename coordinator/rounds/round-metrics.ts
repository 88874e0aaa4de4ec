/**
 * From securely summed totals to the metrics people read. Everything is a mean over the cohort's examples; a mean over no
 * examples does not exist and is left out. Pure.
 */
import type { RoundMetrics } from '../registry/run-events.ts'

export interface SummedMetrics {
  /** Of the training that made the new version. */
  readonly training: RoundMetrics
  /** Of the version trained from, on what the sites hold out. */
  readonly evaluation: RoundMetrics
}

/** `totals` are the plan's scalars: see PLAN_SCALARS. */
export function metricsOf(totals: Readonly<Record<string, number>>): SummedMetrics {
  const { examples = 0, trainLossSum = 0, evalExamples = 0, evalLossSum = 0, evalCorrect = 0 } = totals
  return {
    training: examples > 0 ? { examples, trainLoss: trainLossSum / examples } : {},
    evaluation:
      evalExamples > 0
        ? { evalExamples, evalLoss: evalLossSum / evalExamples, evalAccuracy: evalCorrect / evalExamples }
        : {},
  }
}
