/**
 * Reads the unmasked sum: the weighted mean of the survivors' updates, and the exact totals of their scalars. This is all
 * the coordinator ever learns of a round's vectors. {@link implausibleSum} is asked before anything is published.
 */
import { invariant } from '../errors.ts'
import { type Lanes, largestInput, type VectorEncoding, vectorLayout, WEIGHT_SCALAR } from './encoding.ts'
import { fromFixedPoint, fromLimbs } from './scalars.ts'

export interface DecodedSum {
  /** Σ w_i x_i / Σ w_i over the survivors, `parameterCount` coordinates; all zero when the examples sum to nothing. */
  readonly weightedMean: Float32Array
  /** Totals by name; `examples` is Σ w_i = Σ min(weight, maxWeight). */
  readonly scalars: Readonly<Record<string, number>>
}

export interface ImplausibleSum {
  readonly code: 'examples_out_of_range' | 'mean_exceeds_clip'
  readonly message: string
}

/** Chance that honest rounding alone exceeds the slack: below e^-50 by {@link roundingSlack}'s bound. */
const SLACK_DEVIATIONS = 10

/** Decodes the sum over so many survivors. Throws InvariantError for another length: the vector is the coordinator's own. */
export function decodeSum(lanes: Lanes, encoding: VectorEncoding, survivors: number): DecodedSum {
  const layout = vectorLayout(encoding)
  invariant(lanes.length === layout.lengthLanes, `a sum has ${layout.lengthLanes} lanes, not ${lanes.length}`)
  invariant(survivors <= encoding.maxParticipants, `the modulus is too narrow for ${survivors} survivors`)
  const scalars: Record<string, number> = {}
  for (const [place, scalar] of encoding.scalars.entries()) {
    const start = layout.parameterLanes + place * layout.limbsPerScalar
    const limbs = lanes.subarray(start, start + layout.limbsPerScalar)
    scalars[scalar.name] = fromFixedPoint(fromLimbs(limbs, layout), scalar)
  }
  const unit = meanUnit(encoding, scalars[WEIGHT_SCALAR] ?? 0)
  const spareBits = 32 - layout.modulusBits
  const weightedMean = new Float32Array(layout.parameterLanes)
  for (let lane = 0; lane < weightedMean.length; lane += 1) {
    // The low m bits as a signed number.
    weightedMean[lane] = ((lanes[lane]! << spareBits) >> spareBits) * unit
  }
  return { weightedMean, scalars }
}

/**
 * Why a decoded sum cannot be that of honest participants, or null: the examples of so many survivors lie outside their
 * bounds, or the mean is longer than any mean of clipped updates, rounding included.
 */
export function implausibleSum(
  decoded: DecodedSum,
  encoding: VectorEncoding,
  survivors: number,
): ImplausibleSum | null {
  const examples = decoded.scalars[WEIGHT_SCALAR] ?? 0
  const least = survivors * encoding.minWeight
  const most = survivors * encoding.maxWeight
  // Written so that NaN is out of range as well.
  if (!(examples >= least && examples <= most)) {
    const message = `${survivors} survivors have between ${least} and ${most} examples, the sum says ${examples}`
    return { code: 'examples_out_of_range', message }
  }
  const norm = Math.sqrt(decoded.weightedMean.reduce((squares, value) => squares + value * value, 0))
  const bound = (encoding.clipNorm + roundingSlack(encoding, examples, survivors)) * (1 + 1e-6)
  if (!(norm <= bound)) {
    const message = `the mean update has norm ${norm.toPrecision(6)}, clipping bounds it by ${bound.toPrecision(6)}`
    return { code: 'mean_exceeds_clip', message }
  }
  return null
}

/** What one unit of a summed lane is worth in the mean: laneRange · maxWeight / ((2^(b−1) − 1) · Σw); 0 without examples. */
function meanUnit(encoding: VectorEncoding, examples: number): number {
  if (!(examples > 0)) return 0
  return (encoding.laneRange * encoding.maxWeight) / (largestInput(encoding.inputBits) * examples)
}

/**
 * Length that rounding can add to the mean. The error is a sum over n participants of independent, unbiased errors in an
 * interval of length 1, variance at most 1/4, in d lanes: its expected norm is at most √(nd)/2, and its norm, convex and
 * √n-Lipschitz in the single errors, exceeds that by √n·s with probability below exp(−s²/2).
 * Source: Boucheron, Lugosi, Massart, "Concentration Inequalities", theorem 6.10.
 */
function roundingSlack(encoding: VectorEncoding, examples: number, survivors: number): number {
  const units = Math.sqrt(survivors) * (Math.sqrt(encoding.parameterCount) / 2 + SLACK_DEVIATIONS)
  return units * meanUnit(encoding, examples)
}
