/**
 * What an agent would have trained: numbers drawn from the seed, on a grid that quantisation keeps as it is. A coordinate is
 * q/2^11 with |q| ≤ 127, a weight 16·u examples with 1 ≤ u ≤ 16; with the bounds below a lane then holds exactly 16·u·q. The
 * mean of a sum S = Σ u·q is S / (2^11 · Σu), so that S, a whole number, can be read back from two versions of a model.
 */
import type { TrainedUpdate } from '../../participant/trainer.ts'
import { Keystream } from '../../shared/crypto/keystream.ts'
import { largestInput } from '../../shared/vector/encoding.ts'
import { seededBytes, seededNumbers } from '../seeded.ts'

const GRID = 2 ** 11
const MOST_STEPS = 127
const EXAMPLES_PER_UNIT = 16
const MOST_UNITS = 16
const INPUT_BITS = 16
const WORDS_PER_READ = 16 * 1024

/** The plan's part that makes lanes whole: one unit of a lane is 1/2^11 at one example, and no bound is ever reached. */
export function exactAggregation(lanes: number) {
  const maxExamples = EXAMPLES_PER_UNIT * MOST_UNITS
  return {
    inputBits: INPUT_BITS,
    maxExamples,
    laneRange: largestInput(INPUT_BITS) / (GRID * maxExamples),
    clipNorm: Math.max(1, Math.ceil(Math.sqrt(lanes))),
    serverLearningRate: 1,
  }
}

/** Which training of which agent: an update is masked once, so the same round trained again gives another. */
export interface Draw {
  readonly seed: number
  readonly place: number
  readonly round: number
  /** Different for every training of one agent in one round. */
  readonly training: number
}

/** The whole numbers behind an update: `steps` are the q, `units` the u. */
export interface DrawnVector {
  readonly steps: Int8Array
  readonly units: number
}

export function drawVector({ seed, place, round, training }: Draw, lanes: number): DrawnVector {
  const purpose = ['fixed vector', place, round, training] as const
  const keystream = new Keystream(seededBytes(seed, ...purpose))
  const steps = new Int8Array(lanes)
  for (let done = 0; done < lanes; done += WORDS_PER_READ) {
    const words = keystream.readWords32(Math.min(WORDS_PER_READ, lanes - done))
    for (let at = 0; at < words.length; at += 1)
      steps[done + at] = ((words[at] ?? 0) % (2 * MOST_STEPS + 1)) - MOST_STEPS
  }
  const units = 1 + Math.floor(seededNumbers(seed, 'weight', ...purpose)() * MOST_UNITS)
  return { steps, units }
}

/** The same as a trainer gives it. */
export function fixedUpdate(draw: Draw, lanes: number): TrainedUpdate {
  const { steps, units } = drawVector(draw, lanes)
  const examples = EXAMPLES_PER_UNIT * units
  // Every training has other scalars, so that even two updates of zeros are different ones.
  const trainLossSum = examples / 2 + draw.training / 1024
  return {
    update: Float32Array.from(steps, (step) => step / GRID),
    examples,
    scalars: { trainLossSum, evalExamples: units, evalLossSum: units / 4, evalCorrect: units },
  }
}

/** What two models say of the vectors between them. */
export interface SumComparison {
  readonly exact: boolean
  /** Lanes that are not the sum of the vectors. */
  readonly wrongLanes: number
  /** The most that a lane, read back through float32, lay from the whole number it stands for, in units of it. */
  readonly furthest: number
}

/** Far enough from one half: what float32 may do to a sum read back before this comparison says nothing. */
const MOST_BLUR = 0.25

/** Compares `after − before` with the mean of the vectors, lane by lane, as the whole number S of each lane. */
export function compareWithSum(
  before: Float32Array,
  after: Float32Array,
  vectors: readonly DrawnVector[],
): SumComparison {
  const units = vectors.reduce((sum, vector) => sum + vector.units, 0)
  let wrongLanes = Math.abs(after.length - before.length)
  let furthest = 0
  for (let lane = 0; lane < Math.min(before.length, after.length); lane += 1) {
    let sum = 0
    for (const vector of vectors) sum += (vector.steps[lane] ?? Number.NaN) * vector.units
    const blur = Math.abs(((after[lane] ?? Number.NaN) - (before[lane] ?? 0)) * GRID * units - sum)
    // Written so that NaN is wrong as well.
    if (!(blur < MOST_BLUR)) wrongLanes += 1
    else furthest = Math.max(furthest, blur)
  }
  return { exact: vectors.length > 0 && wrongLanes === 0, wrongLanes, furthest }
}

/** The total weight of the vectors, as the published metrics tell it. */
export function examplesOf(vectors: readonly DrawnVector[]): number {
  return EXAMPLES_PER_UNIT * vectors.reduce((sum, { units }) => sum + units, 0)
}
