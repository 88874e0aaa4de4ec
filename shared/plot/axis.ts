/**
 * An axis over given values: where it begins and ends, and where its ticks stand. Linear ticks are round steps; logarithmic ones
 * powers of ten, with 2 and 5 between them where there are few. Pure.
 */
import { invariant } from '../errors.ts'

export type Scale = 'linear' | 'log'

export interface Axis {
  readonly scale: Scale
  readonly low: number
  readonly high: number
  /** With a label each, rising. */
  readonly ticks: readonly number[]
  /** Between them, without labels. */
  readonly minorTicks: readonly number[]
}

/** Beyond this factor between the least and the greatest, equal steps hide the small ones. */
const LOG_BEYOND = 20
const LINEAR_TICKS = 6
const MOST_LOG_TICKS = 8
/** A logarithmic axis with fewer powers of ten gets 2 and 5 as well. */
const ENOUGH_POWERS = 3

/** Logarithmic when the positive values span more than a factor of twenty. */
export function scaleFor(values: readonly number[]): Scale {
  const positive = values.filter((value) => value > 0)
  if (positive.length === 0) return 'linear'
  const [least, greatest] = extent(positive)
  return greatest / least > LOG_BEYOND ? 'log' : 'linear'
}

/** An axis that has every value on it; a logarithmic one every positive value. `fromZero` makes a linear one begin at zero. */
export function axisOver(values: readonly number[], scale: Scale, fromZero = false): Axis {
  invariant(values.every(Number.isFinite), 'an axis runs over finite numbers')
  return scale === 'log' ? logAxis(values.filter((value) => value > 0)) : linearAxis(values, fromZero)
}

/** Where a value lies on the axis: 0 at its beginning, 1 at its end. */
export function positionOn({ scale, low, high }: Axis, value: number): number {
  if (scale === 'linear') return (value - low) / (high - low)
  return Math.log(value / low) / Math.log(high / low)
}

function linearAxis(values: readonly number[], fromZero: boolean): Axis {
  let [low, high] = values.length === 0 ? [0, 1] : extent(values)
  if (fromZero) [low, high] = [Math.min(0, low), Math.max(0, high)]
  if (low === high) [low, high] = low === 0 ? [0, 1] : [low - Math.abs(low) / 2, high + Math.abs(high) / 2]
  const step = roundStep((high - low) / LINEAR_TICKS)
  const [first, last] = [Math.floor(cleaned(low / step)), Math.ceil(cleaned(high / step))]
  const ticks = Array.from({ length: last - first + 1 }, (_, place) => cleaned((first + place) * step))
  return { scale: 'linear', low: ticks[0] ?? low, high: ticks.at(-1) ?? high, ticks, minorTicks: [] }
}

function logAxis(values: readonly number[]): Axis {
  const [least, greatest] = values.length === 0 ? [1, 10] : extent(values)
  const margin = least === greatest ? 3 : Math.max(1.15, (greatest / least) ** 0.04)
  const [low, high] = [least / margin, greatest * margin]
  const powers = multiples([1], low, high)
  if (powers.length >= ENOUGH_POWERS) {
    const every = Math.ceil(powers.length / MOST_LOG_TICKS)
    const ticks = powers.filter((_, place) => place % every === 0)
    const minorTicks = every > 1 ? powers.filter((power) => !ticks.includes(power)) : multiples(BETWEEN, low, high)
    return { scale: 'log', low, high, ticks, minorTicks }
  }
  const finer = multiples([1, 2, 5], low, high)
  if (finer.length >= 2) return { scale: 'log', low, high, ticks: finer, minorTicks: [] }
  // Less than a factor of two or so: a logarithm is nearly straight there.
  const straight = linearAxis([low, high], false).ticks.filter((tick) => tick >= low && tick <= high)
  return { scale: 'log', low, high, ticks: straight, minorTicks: [] }
}

const BETWEEN = [2, 3, 4, 5, 6, 7, 8, 9]

/** The digits times every power of ten, as far as they lie on the axis. */
function multiples(digits: readonly number[], low: number, high: number): readonly number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))]
  const powers = Array.from({ length: last - first + 1 }, (_, place) => first + place)
  const all = powers.flatMap((power) => digits.map((digit) => Number(`${digit}e${power}`)))
  return all.filter((value) => value >= low && value <= high)
}

/** The least of 1, 2, 2.5, 5 times a power of ten that is no smaller. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  const digit = [1, 2, 2.5, 5, 10].find((candidate) => candidate * power >= least * 0.999_999) ?? 10
  return cleaned(digit * power)
}

/** Without the dust of binary fractions. */
function cleaned(value: number): number {
  return Number(value.toPrecision(12))
}

function extent(values: readonly number[]): [number, number] {
  let [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of values) {
    least = Math.min(least, value)
    greatest = Math.max(greatest, value)
  }
  return [least, greatest]
}
