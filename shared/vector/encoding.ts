/**
 * How one update becomes a vector of lanes: which bits, which bounds, where the scalars stand. Everybody in a session
 * computes the same layout from the plan; an encoding that could overflow or lose a total is refused before any round.
 */
import { KEYSTREAM_LIMIT_BYTES } from '../crypto/keystream.ts'

/** One vector: 16-bit lanes when the modulus has at most 16 bits, else 32-bit lanes. Only the low modulusBits count. */
export type Lanes = Uint16Array | Uint32Array

/** A securely summed number beside the parameters. Its value travels as round(value · 2^fractionBits). */
export interface ScalarEncoding {
  readonly name: string
  /** 0 for counts, 20 for losses by convention. */
  readonly fractionBits: number
}

export interface VectorEncoding {
  /** Parameters of the model, one lane each. */
  readonly parameterCount: number
  /** In lane order. One is `examples` with 0 fraction bits: Σ min(weight, maxWeight), by which the mean is divided. */
  readonly scalars: readonly ScalarEncoding[]
  /** b: bits of one participant's rounded input, sign included; 2…24. */
  readonly inputBits: number
  /** m: bits of the sum; the modulus is 2^m; 8…32. */
  readonly modulusBits: number
  /** Bound on each clipped coordinate, in units of the update. */
  readonly laneRange: number
  /** L2 bound on the whole update. */
  readonly clipNorm: number
  /** Bounds on a participant's weight, in examples. Above the upper one counts as the upper one. */
  readonly minWeight: number
  readonly maxWeight: number
  /** n_max: the modulus is wide enough for the sum of so many inputs. */
  readonly maxParticipants: number
}

/** Lanes of the vector: first `parameterLanes`, then per scalar `limbsPerScalar` limbs, lowest first. */
export interface VectorLayout {
  readonly parameterLanes: number
  /** b − 1: bits of a scalar that one lane carries. */
  readonly limbBits: number
  readonly limbsPerScalar: number
  readonly scalarLanes: number
  readonly lengthLanes: number
  readonly laneWidth: 16 | 32
  readonly modulusBits: number
  /** ⌈lengthLanes · m / 8⌉: what one participant uploads. */
  readonly packedBytes: number
}

/** The scalar that carries the weight. */
export const WEIGHT_SCALAR = 'examples'
/** Scalars are two's complement integers of so many bits. */
export const SCALAR_BITS = 48
const MAX_PARTICIPANTS = 0xffff
const SCALAR_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/

/** Everything that is wrong with an encoding, in words; empty when it can be used. */
export function refuseEncoding(encoding: VectorEncoding): string[] {
  const { parameterCount, inputBits, modulusBits, laneRange, clipNorm } = encoding
  const { minWeight, maxWeight, maxParticipants } = encoding
  const problems: string[] = []
  const requireInteger = (name: string, value: number, least: number, most: number) => {
    if (!Number.isInteger(value) || value < least || value > most) {
      problems.push(`${name} must be an integer from ${least} to ${most}, not ${value}`)
    }
  }
  requireInteger('parameterCount', parameterCount, 1, 2 ** 32)
  requireInteger('inputBits', inputBits, 2, 24)
  requireInteger('modulusBits', modulusBits, 8, 32)
  requireInteger('maxParticipants', maxParticipants, 1, MAX_PARTICIPANTS)
  // The weight is itself a scalar of 48 bits with a sign.
  requireInteger('minWeight', minWeight, 1, 2 ** (SCALAR_BITS - 1) - 1)
  requireInteger('maxWeight', maxWeight, 1, 2 ** (SCALAR_BITS - 1) - 1)
  for (const [name, value] of Object.entries({ laneRange, clipNorm })) {
    if (!Number.isFinite(value) || value <= 0) problems.push(`${name} must be a finite positive number, not ${value}`)
  }
  problems.push(...refuseScalars(encoding.scalars))
  if (problems.length > 0) return problems

  if (minWeight > maxWeight) problems.push(`minWeight ${minWeight} is greater than maxWeight ${maxWeight}`)
  const neededBits = inputBits + Math.ceil(Math.log2(maxParticipants))
  if (modulusBits < neededBits) {
    problems.push(
      `modulusBits ${modulusBits} could overflow: inputBits ${inputBits} summed over ${maxParticipants} participants ` +
        `need ${neededBits}`,
    )
  }
  const { lengthLanes } = vectorLayout(encoding)
  // Rounding takes one 32-bit word per lane, a mask at most as much.
  if (lengthLanes * 4 > KEYSTREAM_LIMIT_BYTES) {
    problems.push(`${lengthLanes} lanes need more than the 2^38 bytes of one ChaCha20 keystream`)
  }
  return problems
}

/** The layout of an encoding that {@link refuseEncoding} finds nothing wrong with. */
export function vectorLayout(encoding: VectorEncoding): VectorLayout {
  const { parameterCount, scalars, inputBits, modulusBits } = encoding
  const limbBits = inputBits - 1
  const limbsPerScalar = Math.ceil(SCALAR_BITS / limbBits)
  const scalarLanes = scalars.length * limbsPerScalar
  const lengthLanes = parameterCount + scalarLanes
  return {
    parameterLanes: parameterCount,
    limbBits,
    limbsPerScalar,
    scalarLanes,
    lengthLanes,
    laneWidth: modulusBits <= 16 ? 16 : 32,
    modulusBits,
    packedBytes: Math.ceil((lengthLanes * modulusBits) / 8),
  }
}

/** So many zero lanes of the width that a modulus of m bits asks for. */
export function zeroLanes(lengthLanes: number, modulusBits: number): Lanes {
  return modulusBits <= 16 ? new Uint16Array(lengthLanes) : new Uint32Array(lengthLanes)
}

/** {@link zeroLanes} that several threads can work on. */
export function sharedZeroLanes(lengthLanes: number, modulusBits: number): Lanes {
  return modulusBits <= 16
    ? new Uint16Array(new SharedArrayBuffer(lengthLanes * 2))
    : new Uint32Array(new SharedArrayBuffer(lengthLanes * 4))
}

/** The largest input of b signed bits, 2^(b − 1) − 1: what a coordinate at laneRange and full weight becomes. */
export function largestInput(inputBits: number): number {
  return 2 ** (inputBits - 1) - 1
}

function refuseScalars(scalars: readonly ScalarEncoding[]): string[] {
  const problems: string[] = []
  for (const { name, fractionBits } of scalars) {
    if (!SCALAR_NAME.test(name)) problems.push(`scalar ${JSON.stringify(name)} is no name of letters, digits, _ . -`)
    if (!Number.isInteger(fractionBits) || fractionBits < 0 || fractionBits > 40) {
      problems.push(`scalar ${name}: fractionBits must be an integer from 0 to 40, not ${fractionBits}`)
    }
  }
  if (new Set(scalars.map(({ name }) => name)).size !== scalars.length) problems.push('a scalar name stands twice')
  const weight = scalars.find(({ name }) => name === WEIGHT_SCALAR)
  if (weight?.fractionBits !== 0) {
    problems.push(`one scalar must be ${WEIGHT_SCALAR} with 0 fractionBits: the mean is divided by its sum`)
  }
  return problems
}
