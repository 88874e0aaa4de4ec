/** Updates that a test can work out for itself: different for every site, round and coordinate, below the plans' bounds. */
import type { TrainedUpdate } from '../../participant/trainer.ts'

export function fixedUpdate(spiffeId: string, round: number, parameterCount: number): TrainedUpdate {
  const seed = [...spiffeId].reduce((sum, letter) => sum + letter.charCodeAt(0), round * 17)
  const update = Float32Array.from({ length: parameterCount }, (_, place) => Math.sin(seed + place) / 10)
  const examples = 50 + (seed % 100)
  return { update, examples, scalars: { trainLossSum: examples / 2, evalExamples: 10, evalLossSum: 5, evalCorrect: 5 } }
}
