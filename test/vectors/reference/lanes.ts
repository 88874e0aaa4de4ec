/**
 * The vector's encodings from their definitions: bitmaps, packed lanes as one long integer, 48-bit scalars in limbs,
 * clipping with stochastic rounding, and the digest of an upload.
 */
import { bytes, hex } from '../hex.ts'
import { keystreamLanes, toLittleEndian } from './chacha20.ts'
import { sha256Of } from './tuples.ts'

const SCALAR_BITS = 48
const MIB = 1024 * 1024

/** Bit i − 1 for index i, least significant bit first. */
export function bitmapOf(indices: readonly number[], size: number): string {
  const bits = indices.reduce((all, index) => all | (1n << BigInt(index - 1)), 0n)
  return hex(toLittleEndian(bits, Math.ceil(size / 8)))
}

/** Lane i takes bits i·m to i·m + m − 1 of the stream, least significant first. */
export function packedOf(lanes: readonly number[], modulusBits: number): string {
  let stream = 0n
  for (const [place, lane] of lanes.entries()) {
    stream |= BigInt.asUintN(modulusBits, BigInt(lane)) << BigInt(place * modulusBits)
  }
  return hex(toLittleEndian(stream, Math.ceil((lanes.length * modulusBits) / 8)))
}

/** ⌈48 / (b − 1)⌉ limbs of b − 1 bits, lowest first, the last one with the sign, each modulo 2^m. */
export function limbsOf(integer: bigint, inputBits: number, modulusBits: number): number[] {
  const limbBits = inputBits - 1
  const base = 1n << BigInt(limbBits)
  const count = Math.ceil(SCALAR_BITS / limbBits)
  const limbs: number[] = []
  let rest = integer
  for (let place = 0; place < count; place += 1) {
    const digit = ((rest % base) + base) % base
    limbs.push(Number(place === count - 1 ? BigInt.asUintN(modulusBits, rest) : digit))
    rest = (rest - digit) / base
  }
  return limbs
}

export interface Quantising {
  readonly update: readonly number[]
  readonly weight: number
  /** Fixed-point integers, in lane order. */
  readonly scalars: readonly bigint[]
  readonly roundingSeed: string
  readonly encoding: {
    readonly inputBits: number
    readonly modulusBits: number
    readonly clipNorm: number
    readonly laneRange: number
    readonly maxWeight: number
  }
}

/** clip → scale → round up when word i of the seed's keystream is below the fraction of 2^32 → two's complement; then limbs. */
export function quantised({ update, weight, scalars, roundingSeed, encoding }: Quantising): number[] {
  const { inputBits, modulusBits, clipNorm, laneRange, maxWeight } = encoding
  const norm = Math.sqrt(update.reduce((sum, value) => sum + value * value, 0))
  const factor = Math.min(1, clipNorm / norm)
  const largest = 2 ** (inputBits - 1) - 1
  const unitsPerOne = (largest * Math.min(weight, maxWeight)) / (maxWeight * laneRange)
  const words = keystreamLanes(bytes(roundingSeed), 32, update.length)
  const lanes = update.map((value, lane) => {
    const exact = Math.min(laneRange, Math.max(-laneRange, value * factor)) * unitsPerOne
    const rounded = Math.floor(exact) + (words[lane]! < (exact - Math.floor(exact)) * 2 ** 32 ? 1 : 0)
    return Number(BigInt.asUintN(modulusBits, BigInt(rounded)))
  })
  return [...lanes, ...scalars.flatMap((scalar) => limbsOf(scalar, inputBits, modulusBits))]
}

/** SHA-256 over the SHA-256 of each 1 MiB block. */
export function uploadDigestOf(packed: Uint8Array): string {
  let digests = ''
  for (let at = 0; at < packed.length; at += MIB) digests += sha256Of(hex(packed.subarray(at, at + MIB)))
  return sha256Of(digests)
}
