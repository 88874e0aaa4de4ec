/**
 * Scalars as lanes: a value is a 48-bit two's complement fixed-point integer, cut into limbs of b − 1 bits, lowest first,
 * the last one signed. Lanes are summed apart; because a sum of limbs never wraps, the total comes back exactly.
 */
import { invariant } from '../errors.ts'
import { SCALAR_BITS, type ScalarEncoding, type VectorLayout } from './encoding.ts'

const LIMIT = 2n ** BigInt(SCALAR_BITS - 1)

/**
 * The fixed-point integer nearest to `value`, or null when it is not finite or outside ±2^47 / 2^fractionBits.
 */
export function fixedPoint(value: number, { fractionBits }: ScalarEncoding): bigint | null {
  const scaled = Math.round(value * 2 ** fractionBits)
  if (!Number.isFinite(scaled)) return null
  const integer = BigInt(scaled)
  return integer >= -LIMIT && integer < LIMIT ? integer : null
}

/** `limbsPerScalar` limbs of the integer, each as it stands in a lane: reduced mod 2^m. */
export function toLimbs(integer: bigint, layout: VectorLayout): number[] {
  const { limbBits, limbsPerScalar, modulusBits } = layout
  return Array.from({ length: limbsPerScalar }, (_, place) => {
    const shifted = integer >> BigInt(place * limbBits)
    const isLast = place === limbsPerScalar - 1
    return Number(BigInt.asUintN(modulusBits, isLast ? shifted : BigInt.asUintN(limbBits, shifted)))
  })
}

/** The exact total, as a fixed-point integer, of a scalar whose limb sums are `limbs` (low m bits, signed). */
export function fromLimbs(limbs: ArrayLike<number>, layout: VectorLayout): bigint {
  invariant(limbs.length === layout.limbsPerScalar, `a scalar has ${layout.limbsPerScalar} limbs, not ${limbs.length}`)
  let total = 0n
  for (let place = 0; place < limbs.length; place += 1) {
    total += BigInt.asIntN(layout.modulusBits, BigInt(limbs[place]!)) << BigInt(place * layout.limbBits)
  }
  return total
}

/** The number a fixed-point integer stands for; the nearest double when it has more than 53 bits. */
export function fromFixedPoint(integer: bigint, { fractionBits }: ScalarEncoding): number {
  return Number(integer) / 2 ** fractionBits
}
