/**
 * Turns a trained update into lanes: clip (L2 over the whole update, then per coordinate) → scale by the weight →
 * stochastic rounding to b signed bits → two's complement mod 2^m; scalars go into limbs behind them. The rounding draws
 * from one ChaCha20 keystream, word i for lane i, so that any range of lanes can be made again, the same.
 */
import { Keystream } from '../crypto/keystream.ts'
import { invariant } from '../errors.ts'
import {
  type Lanes,
  largestInput,
  type VectorEncoding,
  type VectorLayout,
  vectorLayout,
  WEIGHT_SCALAR,
  zeroLanes,
} from './encoding.ts'
import { fixedPoint, toLimbs } from './scalars.ts'

export interface UpdateToQuantize {
  /** `parameterCount` coordinates. Immutable until the session ends: ranges are made from it on demand. */
  readonly update: Float32Array
  /** Number of training examples: an integer. Above maxWeight it counts as maxWeight, also in the scalar `examples`. */
  readonly weight: number
  /** One value for every scalar of the encoding but `examples`, which is the weight. */
  readonly scalars: Readonly<Record<string, number>>
  /** An encoding without problems (`refuseEncoding`). */
  readonly encoding: VectorEncoding
  /** 32 bytes from the system's CSPRNG, drawn once per session and used for nothing else. */
  readonly roundingSeed: Uint8Array
}

/** An update that was checked, with what its lanes are computed from. */
export interface PreparedUpdate {
  readonly update: Float32Array
  readonly encoding: VectorEncoding
  readonly layout: VectorLayout
  /** What the L2 bound left of the update: 1 when it was within clipNorm. */
  readonly clipFactor: number
  /** Lane units per unit of the clipped update: (2^(b−1) − 1) · weight / (maxWeight · laneRange). */
  readonly unitsPerOne: number
  /** The scalar lanes. */
  readonly scalarLanes: readonly number[]
  readonly roundingSeed: Uint8Array
}

/** Why an update cannot be summed. Nothing of it has left. */
export type QuantizeCode =
  | 'update_not_finite'
  | 'update_length_mismatch'
  | 'weight_not_integer'
  | 'weight_below_minimum'
  | 'scalar_missing'
  | 'scalar_unknown'
  | 'scalar_out_of_range'

export interface QuantizeRefusal {
  readonly ok: false
  readonly code: QuantizeCode
  readonly message: string
}

const WORDS_PER_READ = 16 * 1024
const TWO_TO_32 = 2 ** 32

/**
 * min(1, clipNorm / ‖update‖₂), the norm in double precision: what the update is multiplied by. NaN when a coordinate is
 * not finite; the square of a finite float32 never overflows a double.
 */
export function clipFactor(update: Float32Array, clipNorm: number): number {
  return clipFactorOf(addSquares(0, update), clipNorm)
}

/** {@link clipFactor} of an update whose squares were added up by {@link addSquares}, part after part. */
export function clipFactorOf(squares: number, clipNorm: number): number {
  if (!Number.isFinite(squares)) return Number.NaN
  return Math.min(1, clipNorm / Math.sqrt(squares))
}

/** The sum so far and the squares of more coordinates, in their order: however an update is cut, the same sum. */
export function addSquares(before: number, coordinates: Float32Array): number {
  let squares = before
  for (let place = 0; place < coordinates.length; place += 1) squares += coordinates[place]! * coordinates[place]!
  return squares
}

/**
 * Checks an update and computes what its lanes are made from: in one pass over it, or in none where its {@link clipFactor} is
 * known.
 */
export function prepareUpdate(
  input: UpdateToQuantize,
  knownClipFactor?: number,
): { readonly ok: true; readonly prepared: PreparedUpdate } | QuantizeRefusal {
  const { update, weight, encoding, roundingSeed } = input
  const { parameterCount, minWeight, maxWeight } = encoding
  if (update.length !== parameterCount) {
    return refusal('update_length_mismatch', `the update has ${update.length} parameters, the plan ${parameterCount}`)
  }
  if (!Number.isSafeInteger(weight)) return refusal('weight_not_integer', `the weight ${weight} is no whole number`)
  if (weight < minWeight) {
    return refusal('weight_below_minimum', `the weight is ${weight} examples, the plan asks for at least ${minWeight}`)
  }
  const factor = knownClipFactor ?? clipFactor(update, encoding.clipNorm)
  if (Number.isNaN(factor)) {
    return refusal('update_not_finite', 'the update has a coordinate that is not a finite number: training diverged')
  }
  const countedWeight = Math.min(weight, maxWeight)
  const layout = vectorLayout(encoding)
  const scalarLanes = encodeScalars(input.scalars, countedWeight, encoding, layout)
  if ('ok' in scalarLanes) return scalarLanes
  const unitsPerOne = (largestInput(encoding.inputBits) * countedWeight) / (maxWeight * encoding.laneRange)
  const prepared = { update, encoding, layout, clipFactor: factor, unitsPerOne, scalarLanes, roundingSeed }
  return { ok: true, prepared }
}

/** Lanes `fromLane` up to but not including `toLane`. The same prepared update gives the same lanes, however it is cut. */
export function quantizeRange(prepared: PreparedUpdate, fromLane: number, toLane: number): Lanes {
  const { layout, scalarLanes } = prepared
  const { parameterLanes, lengthLanes, modulusBits } = layout
  invariant(0 <= fromLane && fromLane <= toLane && toLane <= lengthLanes, `no lanes ${fromLane}…${toLane}`)
  const lanes = zeroLanes(toLane - fromLane, modulusBits)
  roundParameters(prepared, fromLane, lanes.subarray(0, Math.max(0, Math.min(toLane, parameterLanes) - fromLane)))
  for (let lane = Math.max(fromLane, parameterLanes); lane < toLane; lane += 1) {
    lanes[lane - fromLane] = scalarLanes[lane - parameterLanes]!
  }
  return lanes
}

/** {@link prepareUpdate} and {@link quantizeRange} over all lanes. */
export function quantizeUpdate(
  input: UpdateToQuantize,
): { readonly ok: true; readonly lanes: Lanes; readonly clipFactor: number } | QuantizeRefusal {
  const outcome = prepareUpdate(input)
  if (!outcome.ok) return outcome
  const { prepared } = outcome
  return { ok: true, lanes: quantizeRange(prepared, 0, prepared.layout.lengthLanes), clipFactor: prepared.clipFactor }
}

/**
 * Rounds x down or up with probability x − ⌊x⌋ (to 2^-32), so that the expectation is x; integers stay what they are.
 * Clipping in double precision may overshoot laneRange by an ulp, hence the last clamp.
 */
function roundParameters(prepared: PreparedUpdate, fromLane: number, into: Lanes): void {
  const { update, encoding, unitsPerOne, clipFactor: factor, roundingSeed } = prepared
  const { laneRange, modulusBits } = encoding
  const largest = largestInput(encoding.inputBits)
  const mask = modulusBits === 32 ? -1 : 2 ** modulusBits - 1
  const keystream = new Keystream(roundingSeed, fromLane * 4)
  for (let done = 0; done < into.length; done += WORDS_PER_READ) {
    const words = keystream.readWords32(Math.min(WORDS_PER_READ, into.length - done))
    for (let place = 0; place < words.length; place += 1) {
      const clipped = clamp(update[fromLane + done + place]! * factor, laneRange)
      const exact = clamp(clipped * unitsPerOne, largest)
      const below = Math.floor(exact)
      const up = words[place]! < (exact - below) * TWO_TO_32 ? 1 : 0
      into[done + place] = (below + up) & mask
    }
  }
}

function encodeScalars(
  values: Readonly<Record<string, number>>,
  countedWeight: number,
  encoding: VectorEncoding,
  layout: VectorLayout,
): number[] | QuantizeRefusal {
  const known = new Set(encoding.scalars.map(({ name }) => name))
  const unknown = Object.keys(values).find((name) => !known.has(name))
  if (unknown !== undefined) return refusal('scalar_unknown', `the plan has no scalar ${unknown}`)
  const lanes: number[] = []
  for (const scalar of encoding.scalars) {
    const value = scalar.name === WEIGHT_SCALAR ? countedWeight : ownNumber(values, scalar.name)
    if (value === undefined) return refusal('scalar_missing', `no value for the scalar ${scalar.name}`)
    const integer = fixedPoint(value, scalar)
    if (integer === null) {
      return refusal('scalar_out_of_range', `the scalar ${scalar.name} is not finite or needs more than 48 bits`)
    }
    lanes.push(...toLimbs(integer, layout))
  }
  return lanes
}

function ownNumber(values: Readonly<Record<string, number>>, name: string): number | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined
}

function clamp(value: number, bound: number): number {
  return Math.max(-bound, Math.min(bound, value))
}

function refusal(code: QuantizeCode, message: string): QuantizeRefusal {
  return { ok: false, code, message }
}
