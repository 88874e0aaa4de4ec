/**
 * Gives every site its digits: 8,000 training images split unevenly over the sites (Dirichlet, α = 0.5 over the labels),
 * written as .npy files a site would bring itself. The other 2,000 images go to no site: the final models are judged on
 * them.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeNpy } from '../participant/data/npy.ts'
import { dirichletSplit } from './digits/dirichlet-split.ts'
import { CLASSES, type Digits, loadDigits, PIXELS, pickDigits, splitDigits } from './digits/load-digits.ts'

export interface SplitDigits {
  /** One part per site, in the order of the sites. */
  readonly parts: readonly Digits[]
  /** 2,000 images that no site has. */
  readonly test: Digits
}

const ALPHA = 0.5
/** Below that a site would hardly teach anything; and twelve sites still fit. */
const LEAST_EXAMPLES = 150

/** Loads the digits and splits them; the same seed gives the same split. */
export async function digitsFor(sites: number, seed: number): Promise<SplitDigits> {
  const { train, test } = splitDigits(await loadDigits(), seed)
  const split = dirichletSplit({ labels: train.labels, sites, alpha: ALPHA, seed, minExamples: LEAST_EXAMPLES })
  return { parts: split.map((indices) => pickDigits(train, indices)), test }
}

/** Writes images.npy and labels.npy. */
export function writeDigits(folder: string, digits: Digits): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(join(folder, 'images.npy'), writeNpy({ shape: [digits.count, PIXELS], data: digits.images }))
  const labels = BigInt64Array.from(digits.labels, BigInt)
  writeFileSync(join(folder, 'labels.npy'), writeNpy({ shape: [digits.count], data: labels }))
}

/** `1,234 images: 0 ×12, 1 ×340 …` */
export function describeDigits(digits: Digits): string {
  const counts = Array.from({ length: CLASSES }, (_, digit) => digits.labels.filter((label) => label === digit).length)
  const shares = counts.map((count, digit) => `${digit}×${count}`).join(' ')
  return `${digits.count.toLocaleString('en-US').padStart(5)} images  ${shares}`
}
