/**
 * What a simulated participant would have trained: numbers drawn from the plan's seed, made anew whenever they are needed, so
 * that nobody keeps a vector.
 */
import type { TrainedUpdate } from '../participant/trainer.ts'
import { Keystream } from '../shared/crypto/keystream.ts'
import type { SimulationPlan } from './plan.ts'
import { seededBytes, seededNumbers } from './seeded.ts'

const WORDS_PER_READ = 16 * 1024

/** Coordinates uniform in [−1, 1), 1 to 1,000 examples, and metrics of the size that metrics have. */
export function trainedUpdate(plan: SimulationPlan, round: number, place: number): TrainedUpdate {
  const keystream = new Keystream(seededBytes(plan.seed, 'update', round, place))
  const update = new Float32Array(plan.lanes)
  for (let done = 0; done < update.length; done += WORDS_PER_READ) {
    const words = keystream.readWords32(Math.min(WORDS_PER_READ, update.length - done))
    for (let at = 0; at < words.length; at += 1) update[done + at] = (words[at] ?? 0) / 2 ** 31 - 1
  }
  const uniform = seededNumbers(plan.seed, 'metrics', round, place)
  const examples = 1 + Math.floor(uniform() * 1000)
  const evalExamples = 1 + Math.floor(uniform() * 100)
  const scalars = {
    trainLossSum: uniform() * examples,
    evalExamples,
    evalLossSum: uniform() * evalExamples,
    evalCorrect: Math.floor(uniform() * evalExamples),
  }
  return { update, examples, scalars }
}
