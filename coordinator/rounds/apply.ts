/**
 * Applies a round: the global parameters move by the weighted mean of the survivors' updates, times the server's rate.
 * Pure. Values that are not finite are refused rather than published.
 */
import { invariant } from '../../shared/errors.ts'

export type Applied =
  | { readonly ok: true; readonly parameters: Float32Array }
  | { readonly ok: false; readonly message: string }

/** parameters + serverLearningRate · weightedMean, computed in double and rounded once to float32. */
export function applyMean(parameters: Float32Array, weightedMean: Float32Array, serverLearningRate: number): Applied {
  invariant(parameters.length === weightedMean.length, 'a mean has one coordinate per parameter')
  const next = new Float32Array(parameters.length)
  for (let place = 0; place < next.length; place += 1) {
    next[place] = parameters[place]! + serverLearningRate * weightedMean[place]!
    if (!Number.isFinite(next[place]!)) {
      return { ok: false, message: `parameter ${place} would be ${next[place]}: training has diverged` }
    }
  }
  return { ok: true, parameters: next }
}
