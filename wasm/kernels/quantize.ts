/**
 * Stochastic rounding of an update, as `roundParameters` in shared/vector/quantize.ts, which is the reference: the same
 * operations in double precision in the same order, so the same lanes bit for bit.
 */

const TWO_TO_32: f64 = 4294967296.0
/** 1.5 · 2^52: a whole number added to it stands in the low bits of the sum, in two's complement. */
const ROUNDING_BIAS: f64 = 6755399441055744.0

/**
 * lanes[i] = round(clamp(clamp(update[i] · clipFactor, laneRange) · unitsPerOne, largest)) mod (laneMask + 1), rounded up
 * when words[i] / 2^32 is below the fraction. 32-bit lanes; works in groups of 8. No update is NaN.
 */
export function quantize32(
  lanes: usize,
  update: usize,
  words: usize,
  lengthLanes: u32,
  clipFactor: f64,
  laneRange: f64,
  unitsPerOne: f64,
  largest: f64,
  laneMask: u32,
): void {
  const keep = i32x4.splat(laneMask)
  // Spread once: the runtime would do it anew for every group.
  const factor = f64x2.splat(clipFactor)
  const range = f64x2.splat(laneRange)
  const units = f64x2.splat(unitsPerOne)
  const most = f64x2.splat(largest)
  for (const end = update + ((lengthLanes as usize) << 2); update < end; update += 16, words += 16, lanes += 16) {
    const four = roundFour(v128.load(update), v128.load(words), factor, range, units, most)
    v128.store(lanes, v128.and(four, keep))
  }
}

/** {@link quantize32} into 16-bit lanes. */
export function quantize16(
  lanes: usize,
  update: usize,
  words: usize,
  lengthLanes: u32,
  clipFactor: f64,
  laneRange: f64,
  unitsPerOne: f64,
  largest: f64,
  laneMask: u32,
): void {
  const keep = i32x4.splat(laneMask)
  // Spread once: the runtime would do it anew for every group.
  const factor = f64x2.splat(clipFactor)
  const range = f64x2.splat(laneRange)
  const units = f64x2.splat(unitsPerOne)
  const most = f64x2.splat(largest)
  for (const end = update + ((lengthLanes as usize) << 2); update < end; update += 32, words += 32, lanes += 16) {
    const first = roundFour(v128.load(update), v128.load(words), factor, range, units, most)
    const second = roundFour(v128.load(update, 16), v128.load(words, 16), factor, range, units, most)
    v128.store(lanes, i16x8.narrow_i32x4_u(v128.and(first, keep), v128.and(second, keep)))
  }
}

/** Four coordinates to four whole numbers. */
// @ts-ignore: decorator
@inline
function roundFour(update: v128, words: v128, factor: v128, range: v128, units: v128, largest: v128): v128 {
  const first = roundTwo(
    f64x2.promote_low_f32x4(update),
    f64x2.convert_low_i32x4_u(words),
    factor,
    range,
    units,
    largest,
  )
  const second = roundTwo(
    f64x2.promote_low_f32x4(v128.shuffle<i64>(update, update, 1, 0)),
    f64x2.convert_low_i32x4_u(v128.shuffle<i64>(words, words, 1, 0)),
    factor,
    range,
    units,
    largest,
  )
  return v128.shuffle<i32>(first, second, 0, 2, 4, 6)
}

/** Two coordinates; the whole numbers stand in the low halves of the result. */
// @ts-ignore: decorator
@inline
function roundTwo(update: v128, word: v128, factor: v128, range: v128, units: v128, largest: v128): v128 {
  const clipped = clamp(f64x2.mul(update, factor), range)
  const exact = clamp(f64x2.mul(clipped, units), largest)
  const below = f64x2.floor(exact)
  const fraction = f64x2.mul(f64x2.sub(exact, below), f64x2.splat(TWO_TO_32))
  // A comparison that holds is −1: taking it away from the whole number rounds up.
  return i64x2.sub(f64x2.add(below, f64x2.splat(ROUNDING_BIAS)), f64x2.lt(word, fraction))
}

// @ts-ignore: decorator
@inline
function clamp(value: v128, bound: v128): v128 {
  return f64x2.pmax(f64x2.pmin(value, bound), f64x2.neg(bound))
}
